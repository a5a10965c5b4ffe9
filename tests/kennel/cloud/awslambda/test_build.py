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
    built = build(sources, folder=out)
    assert (built["F"] / "app.py").read_text() == "x = 1\n"
    assert (built["L"] / "python" / "app.py").exists()
    (built["F"] / "mark").touch()
    build(sources, folder=out)
    assert (built["F"] / "mark").exists()
    (code / "app.py").write_text("x = 2\n")
    build(sources, folder=out)
    assert (built["F"] / "app.py").read_text() == "x = 2\n"
    assert not (built["F"] / "mark").exists()


def test_a_makefile_builds_by_its_target_and_its_output_is_the_reason(tmp_path: Path) -> None:
    code = tmp_path / "code"
    code.mkdir()
    (code / "Makefile").write_text(
        "build-F: ; @echo built > $(ARTIFACTS_DIR)/f\nbuild-G: ; @exit 3\n"
    )
    built = build({"F": Source(code, "makefile", False)}, folder=tmp_path / "out")
    assert (built["F"] / "f").read_text() == "built\n"
    with pytest.raises(CannotStart, match="building G failed"):
        build({"G": Source(code, "makefile", False)}, folder=tmp_path / "out")
