"""The table of docs/design: what runs in one place never imports from another."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PLACES = ("functions", "model", "kennel")
BEYOND_LAMBDA = {"torch", "torchvision", "timm", "numpy", "openvino"}


def modules_of(place: str) -> set[str]:
    """Names by which the code of a place is imported."""
    if place == "kennel":
        return {"kennel"}
    return {path.stem for path in (ROOT / place).iterdir() if path.suffix == ".py" or path.is_dir()}


def forbidden_in(place: str) -> set[str]:
    """What code of a place must not import."""
    others = set().union(*(modules_of(other) for other in PLACES if other != place))
    extra = {"functions": BEYOND_LAMBDA, "model": {"boto3", "botocore"}, "kennel": set()}[place]
    return (others | extra) - modules_of(place)


def imported_by(file: Path) -> set[str]:
    """Top-level names that a file imports, wherever in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module.split(".")[0])
    return names


@pytest.mark.parametrize("place", PLACES)
def test_no_place_imports_from_another(place: str) -> None:
    files = sorted((ROOT / place).rglob("*.py"))
    assert files
    crossing = {
        str(file.relative_to(ROOT)): sorted(bad)
        for file in files
        if (bad := imported_by(file) & forbidden_in(place))
    }
    assert crossing == {}


@pytest.mark.parametrize("place", ["functions", "model"])
def test_no_module_hides_a_standard_one(place: str) -> None:
    # These folders lie first on the path where they run: a `site` or `queue` would break Python.
    assert modules_of(place) & set(sys.stdlib_module_names) == set()


#: What the offline cloud may import of the rest of kennel.
OF_KENNEL = ("kennel.cloud", "kennel.errors", "kennel.paths")


def kennel_modules_in(file: Path) -> set[str]:
    """Modules of kennel that a file imports, wherever in it."""
    modules: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module == "kennel":
            modules |= {f"kennel.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            modules.add(node.module)
    return {each for each in modules if each.split(".")[0] == "kennel"}


def is_allowed_in_cloud(module: str) -> bool:
    return module.startswith("kennel.cloud.") or module in OF_KENNEL


def test_the_offline_cloud_imports_nothing_else_of_kennel() -> None:
    files = sorted((ROOT / "kennel" / "cloud").rglob("*.py"))
    assert files
    crossing = {
        str(file.relative_to(ROOT)): sorted(bad)
        for file in files
        if (bad := {each for each in kennel_modules_in(file) if not is_allowed_in_cloud(each)})
    }
    assert crossing == {}


def test_the_offline_cloud_loads_alone() -> None:
    # In a process of its own: this one has everything loaded.
    script = """
import importlib, pkgutil, sys
import kennel.cloud
for each in pkgutil.walk_packages(kennel.cloud.__path__, "kennel.cloud."):
    importlib.import_module(each.name)
print(*sorted(sys.modules))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    loaded = done.stdout.split()
    assert "kennel.cloud.sagemaker.jobs.tuning.api" in loaded
    assert {"torch", "dogbreeds", "timm"} & set(loaded) == set()
    of_kennel = {each for each in loaded if each.startswith("kennel.")}
    assert [each for each in sorted(of_kennel) if not is_allowed_in_cloud(each)] == []


def test_a_crossing_would_be_seen(tmp_path: Path) -> None:
    file = tmp_path / "sly.py"
    file.write_text("import torch.nn\ndef late() -> None:\n    from inference import model_fn\n")
    assert imported_by(file) & forbidden_in("functions") == {"inference", "torch"}
    file.write_text("from kennel import demo\nimport kennel.cli\nfrom kennel.aws import Connect\n")
    assert kennel_modules_in(file) == {"kennel.demo", "kennel.cli", "kennel.aws"}
