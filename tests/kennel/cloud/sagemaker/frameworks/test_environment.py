"""A container's Python environment: this one's packages, and room for its own."""

import subprocess
import zipfile
from pathlib import Path

import pytest

from kennel.cloud.sagemaker.frameworks.environment import (
    Environment,
    make_environment,
    pip_error,
    pip_settings,
)


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    return make_environment(tmp_path / "python")


def wheel(folder: Path) -> Path:
    """Write a wheel of one module, and return it."""
    file = folder / "tinymodule-1.0-py3-none-any.whl"
    info = "tinymodule-1.0.dist-info"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("tinymodule.py", "")
        archive.writestr(
            f"{info}/METADATA",
            "Metadata-Version: 2.1\nName: tinymodule\nVersion: 1.0\nRequires-Dist: numpy\n",
        )
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return file


@pytest.mark.parametrize(
    "pip",
    [
        ["pip"],
        pytest.param(["pip3"], marks=pytest.mark.slow),
        pytest.param(["python", "-m", "pip"], marks=pytest.mark.slow),
    ],
)
def test_pip_installs_into_the_environment_what_this_python_lacks(
    environment: Environment, tmp_path: Path, pip: list[str]
) -> None:
    program, *arguments = pip
    command = [str(environment.folder / "bin" / program), *arguments, "install", "--no-index"]
    subprocess.run([*command, str(wheel(tmp_path))], check=True, capture_output=True)
    assert (environment.packages / "tinymodule.py").exists()
    assert not (environment.packages / "numpy").exists(), "it is in this Python already"
    check = "import numpy, tinymodule; print(tinymodule.__file__)"
    completed = subprocess.run([environment.python, "-c", check], capture_output=True, check=True)
    assert completed.stdout.decode().strip() == str(environment.packages / "tinymodule.py")


def test_pips_own_target_folder_is_not_taken_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_TARGET", "/somewhere")
    monkeypatch.setenv("PIP_INDEX_URL", "https://packages.example")
    settings = pip_settings()
    assert "PIP_TARGET" not in settings
    assert settings["PIP_INDEX_URL"] == "https://packages.example"


def test_the_last_error_of_pip_is_found() -> None:
    output = "start\nERROR: first\nERROR: No matching distribution found for x==1\nend\n"
    assert pip_error(output) == "ERROR: No matching distribution found for x==1"
    assert pip_error("") == "no reason given"
