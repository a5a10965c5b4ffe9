"""Builds are found by the template, shared by processes, whole, and stay while one uses them."""

import contextlib
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from kennel.cloud.awslambda.build import Source, build, read_sources
from kennel.errors import CannotStart

TEMPLATE = """
Globals: {Function: {CodeUri: all}}
Resources:
  One: {Type: AWS::Serverless::Function, Metadata: {BuildMethod: makefile}}
  Two: {Type: AWS::Serverless::Function, Properties: {CodeUri: two}}
  Shared:
    Type: AWS::Serverless::LayerVersion
    Properties: {ContentUri: layer}
    Metadata: {BuildMethod: python3.13}
  Bucket: {Type: AWS::S3::Bucket}
"""


def test_sources_are_where_the_template_says(tmp_path: Path) -> None:
    (tmp_path / "template.yaml").write_text(TEMPLATE)
    assert read_sources(tmp_path / "template.yaml") == {
        "One": Source(tmp_path / "all", "makefile", False),
        "Two": Source(tmp_path / "two", "", False),
        "Shared": Source(tmp_path / "layer", "python3.13", True),
    }


def test_code_that_lies_elsewhere_is_refused(tmp_path: Path) -> None:
    template = tmp_path / "template.yaml"
    template.write_text(TEMPLATE.replace("{CodeUri: two}", "{CodeUri: {Bucket: b, Key: k}}"))
    with pytest.raises(CannotStart, match=r"Two has the CodeUri .* expected a local folder"):
        read_sources(template)


def test_a_folder_is_copied_and_built_again_only_when_it_changed(tmp_path: Path) -> None:
    code, out = tmp_path / "code", tmp_path / "out"
    code.mkdir()
    (code / "app.py").write_text("x = 1\n")
    sources = {"F": Source(code, "", False), "L": Source(code, "python3.13", True)}
    built = made(sources, out)
    assert (built["F"] / "app.py").read_text() == "x = 1\n"
    assert (built["L"] / "python" / "app.py").exists()
    (built["F"] / "mark").touch()
    made(sources, out)
    assert (built["F"] / "mark").exists()
    (code / "app.py").write_text("x = 2\n")
    built = made(sources, out)
    assert (built["F"] / "app.py").read_text() == "x = 2\n"
    assert not (built["F"] / "mark").exists()


def test_a_makefile_builds_by_its_target_and_its_output_is_the_reason(tmp_path: Path) -> None:
    code = tmp_path / "code"
    code.mkdir()
    (code / "Makefile").write_text(
        "build-F: ; @echo built > $(ARTIFACTS_DIR)/f\nbuild-G: ; @exit 3\n"
    )
    built = made({"F": Source(code, "makefile", False)}, tmp_path / "out")
    assert (built["F"] / "f").read_text() == "built\n"
    with pytest.raises(CannotStart, match="building G failed"):
        made({"G": Source(code, "makefile", False)}, tmp_path / "out")


def made(sources: Mapping[str, Source], parent: Path) -> dict[str, Path]:
    with contextlib.ExitStack() as in_use:
        return build(sources, in_use, parent=parent)


BUILD = """
import contextlib, sys
from pathlib import Path
from kennel.cloud.awslambda.build import Source, build

with contextlib.ExitStack() as in_use:
    sources = {"F": Source(Path(sys.argv[2]), "", False)}
    print(build(sources, in_use, parent=Path(sys.argv[1]))["F"], flush=True)
    sys.stdin.readline()
"""


def start_build(parent: Path, code: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", BUILD, parent, code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def code(tmp_path: Path) -> Path:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "app.py").write_text("x = 1\n")
    return tmp_path / "code"


def test_two_processes_at_once_share_one_build(tmp_path: Path, code: Path) -> None:
    processes = [start_build(tmp_path / "out", code) for _ in range(2)]
    folders = [each.communicate("\n")[0].strip() for each in processes]
    assert [each.returncode for each in processes] == [0, 0]
    assert folders[0] == folders[1]
    assert (Path(folders[0]) / "app.py").is_file()


def test_a_build_that_is_unused_is_removed_and_one_in_use_stays(tmp_path: Path, code: Path) -> None:
    out, sources = tmp_path / "out", {"F": Source(code, "", False)}
    with start_build(out, code) as process:
        assert process.stdout is not None
        used = Path(process.stdout.readline().strip())
        (code / "app.py").write_text("x = 2\n")
        new = made(sources, out)["F"]
        assert (used / "app.py").read_text() == "x = 1\n"
        process.communicate("\n")
    assert made(sources, out) == {"F": new}
    assert not used.exists()
