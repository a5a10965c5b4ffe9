"""Builds are shared by processes, whole, and stay while one uses them."""

import contextlib
import subprocess
import sys
from pathlib import Path

import pytest

from kennel.cloud.awslambda.build import Source, build, read_sources
from kennel.errors import CannotStart
from kennel.paths import FUNCTIONS, ROOT

BUILD = """
import contextlib, sys
from pathlib import Path
from kennel.cloud.awslambda.build import build
from tests.kennel.cloud.awslambda.test_build import guard

with contextlib.ExitStack() as in_use:
    print(build(guard(), in_use, parent=Path(sys.argv[1]))["GuardFunction"], flush=True)
    sys.stdin.readline()
"""


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


def guard() -> dict[str, Source]:
    """The source of one of Kennel's functions."""
    return {"GuardFunction": Source(FUNCTIONS, "makefile", False)}


def test_two_processes_at_once_share_one_build(tmp_path: Path) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", BUILD, tmp_path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        for _ in range(2)
    ]
    said = [each.communicate("\n")[0].strip() for each in processes]
    assert [each.returncode for each in processes] == [0, 0]
    assert said[0] == said[1]
    assert (Path(said[0]) / "guard" / "app.py").is_file()


def test_what_nobody_uses_is_removed_and_what_is_used_stays(tmp_path: Path) -> None:
    old = tmp_path / "older"  # of other sources
    with subprocess.Popen(
        [sys.executable, "-c", BUILD, tmp_path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as process:
        assert process.stdout is not None
        folder = Path(process.stdout.readline().strip()).parent
        folder.rename(old)
        with contextlib.ExitStack() as in_use:
            (new,) = build(guard(), in_use, parent=tmp_path, kept=1).values()
        assert (old / "GuardFunction").is_dir()
        process.communicate("\n")
    with contextlib.ExitStack() as in_use:
        assert build(guard(), in_use, parent=tmp_path, kept=1) == {"GuardFunction": new}
    assert not old.exists()


def test_a_target_that_fails_leaves_nothing_and_says_why(tmp_path: Path) -> None:
    sources = {"NoSuchFunction": Source(FUNCTIONS, "makefile", False)}
    with contextlib.ExitStack() as in_use, pytest.raises(CannotStart, match="No rule to make"):
        build(sources, in_use, parent=tmp_path)
    assert not list(tmp_path.glob("*/NoSuchFunction*"))


def write_project(folder: Path) -> None:
    (folder / "template.yaml").write_text(TEMPLATE)
    for name in ("all", "two", "layer"):
        (folder / name).mkdir()


def test_sources_are_where_the_template_says(tmp_path: Path) -> None:
    write_project(tmp_path)
    assert read_sources(tmp_path / "template.yaml") == {
        "One": Source(tmp_path / "all", "makefile", False),
        "Two": Source(tmp_path / "two", "", False),
        "Shared": Source(tmp_path / "layer", "python3.13", True),
    }


def test_code_in_a_bucket_has_no_source_here(tmp_path: Path) -> None:
    write_project(tmp_path)
    template = tmp_path / "template.yaml"
    template.write_text(TEMPLATE.replace("{CodeUri: two}", "{CodeUri: {Bucket: b, Key: k}}"))
    assert set(read_sources(template)) == {"One", "Shared"}


def test_code_that_is_not_there_is_named(tmp_path: Path) -> None:
    write_project(tmp_path)
    (tmp_path / "two").rmdir()
    with pytest.raises(CannotStart, match=r"Two has its code in .*two, which is not there"):
        read_sources(tmp_path / "template.yaml")


def test_what_sam_has_built_needs_no_build(tmp_path: Path) -> None:
    built = tmp_path / ".aws-sam" / "build"
    built.mkdir(parents=True)
    write_project(built)
    assert {each.method for each in read_sources(built / "template.yaml").values()} == {"built"}


def test_a_folder_is_copied_and_built_again_only_when_it_changed(tmp_path: Path) -> None:
    code, out = tmp_path / "code", tmp_path / "out"
    code.mkdir()
    (code / "app.py").write_text("x = 1\n")
    sources = {"F": Source(code, "", False), "L": Source(code, "python3.13", True)}
    with contextlib.ExitStack() as in_use:
        built = build(sources, in_use, parent=out)
        assert (built["F"] / "app.py").read_text() == "x = 1\n"
        assert (built["L"] / "python" / "app.py").exists()
        assert build(sources, in_use, parent=out) == built
        (code / "app.py").write_text("x = 2\n")
        again = build(sources, in_use, parent=out)
        assert again != built
        assert (again["F"] / "app.py").read_text() == "x = 2\n"
