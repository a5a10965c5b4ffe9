"""docs/your-model.md: its Python runs, and its files exist."""

import os
import re
import subprocess
import sys
from pathlib import Path

from dogbreeds import Answer
from dogbreeds.package.export import export_package
from tests.guide import block

ROOT = Path(__file__).resolve().parents[2]
DOC = (ROOT / "docs" / "your-model.md").read_text()


def test_the_python_lines_print_the_breed(
    bundle_folder: Path, smoke_bytes: bytes, tmp_path: Path
) -> None:
    (tmp_path / "trained").mkdir()
    (tmp_path / "trained" / "model.tar.gz").symlink_to(bundle_folder / "model.tar.gz")
    (tmp_path / "photo.jpg").write_bytes(smoke_bytes)
    code = block("docs/your-model.md", "python", "load(")
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "model")}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    first, second = done.stdout.splitlines()
    assert first.startswith("{'breed': 'Bull Mastiff', 'probability': 0.")
    assert second == "[True, True]"


def test_an_answer_has_the_keys_that_are_shown() -> None:
    (shown,) = re.findall(r"```json\n(.*?)```", DOC, re.DOTALL)
    keys = re.findall(r'"(\w+)":', shown)
    inner = {"breed", "probability", "heat_map"}
    assert [key for key in keys if key not in inner] == [*Answer.__annotations__]


def test_every_exported_file_is_described(package: Path, tmp_path: Path) -> None:
    export_package(package, "openvino", tmp_path / "out")
    for file in (tmp_path / "out").iterdir():
        assert f"`{file.name}`" in DOC
