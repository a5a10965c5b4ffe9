"""functions/Makefile makes what Lambda unpacks: called as `sam build` calls it."""

import ast
import importlib.metadata
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.stack import ROOT, of_type, source, transformed

FUNCTIONS = ROOT / "functions"
MAKEFILE = (FUNCTIONS / "Makefile").read_text()
PINS = (FUNCTIONS / "common" / "requirements.txt").read_text()
Done = subprocess.CompletedProcess[str]


def make(target: str, artifacts: Path, *more: str, folder: Path = FUNCTIONS) -> Done:
    command = ["make", "-C", str(folder), target, f"ARTIFACTS_DIR={artifacts}", *more]
    command.append(f"PYTHON={sys.executable}")
    return subprocess.run(command, capture_output=True, text=True, check=False)


def services() -> list[str]:
    match = re.search(r"^AWS_SERVICES := (.*)$", MAKEFILE, re.MULTILINE)
    assert match
    return match[1].split()


@pytest.fixture(scope="module")
def layer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("layer")
    result = make("build-CommonLayer", folder, "PIP_FLAGS=")
    assert result.returncode == 0, result.stderr
    return folder / "python"


def test_there_is_a_target_for_each_function_and_layer() -> None:
    built = {
        logical_id
        for logical_id, resource in source()["Resources"].items()
        if resource.get("Metadata", {}).get("BuildMethod") == "makefile"
    }
    assert {f"build-{each}" for each in built} == set(
        re.findall(r"^(build-\w+):", MAKEFILE, re.MULTILINE)
    )
    assert set(of_type(transformed(), "AWS::Lambda::Function")) <= built


def test_function_is_its_folder_without_what_lambda_does_not_need(tmp_path: Path) -> None:
    assert make("build-SmokeTestFunction", tmp_path, "COMPILER=").returncode == 0
    packed = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")}
    names = ("app", "probe", "smoke")
    assert packed == {"smoke_test", *(f"smoke_test/{name}.py" for name in names)}


def test_modules_are_compiled_for_lambda_and_never_compared_with_their_sources(
    tmp_path: Path,
) -> None:
    command = ["python3.13", "-c", "import sys; print(sys.executable)"]
    try:
        subprocess.run(command, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("there is no python3.13, Lambda's")
    assert make("build-SmokeTestFunction", tmp_path).returncode == 0
    compiled = sorted((tmp_path / "smoke_test" / "__pycache__").iterdir())
    assert [file.name for file in compiled] == [
        f"{name}.cpython-313.pyc" for name in ("app", "probe", "smoke")
    ]
    for file in compiled:
        code = file.read_bytes()
        assert code[4:8] == b"\1\0\0\0", file  # by hash, unchecked: PEP 552
        assert str(tmp_path).encode() not in code, file


def test_preflight_has_the_classifiers_decoder(tmp_path: Path, layer: Path) -> None:
    result = make("build-PreflightFunction", tmp_path, "PIP_FLAGS=")
    assert result.returncode == 0, result.stderr
    script = f"import sys; sys.path[:0] = {[str(tmp_path), str(layer)]!r}; import preflight.checks"
    # -S: nothing but the package, the layer and the standard library
    subprocess.run(
        [sys.executable, "-S", "-c", script],
        env={"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"},
        check=True,
    )


def test_missing_package_stops_the_build(tmp_path: Path) -> None:
    copy = tmp_path / "functions"
    (copy / "classify").mkdir(parents=True)
    (copy / "Makefile").write_text(MAKEFILE)
    (copy / "classify" / "requirements.txt").write_text("./no-such-wheel.whl\n")
    result = make("build-ClassifyFunction", tmp_path / "out", folder=copy)
    assert result.returncode != 0
    assert "no-such-wheel.whl" in result.stderr


def test_layer_has_every_service_that_the_functions_call() -> None:
    called = {
        argument.value
        for file in FUNCTIONS.glob("*/*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Call)
        and getattr(node.func, "attr", getattr(node.func, "id", "")) in {"client"}
        for argument in node.args[:1]
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
    }
    assert called == set(services())


def test_layer_alone_makes_every_client(layer: Path) -> None:
    script = (
        "import boto3, common.problem, aws_lambda_powertools.logging\n"
        f"for service in {services()!r}: boto3.client(service, region_name='eu-west-1')\n"
    )
    # -S: nothing but the layer and the standard library
    subprocess.run(
        [sys.executable, "-S", "-c", f"import sys; sys.path.insert(0, {str(layer)!r})\n{script}"],
        env={"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"},
        check=True,
    )


def test_layer_is_small_and_names_no_path_of_this_machine(layer: Path) -> None:
    files = [path for path in layer.rglob("*") if path.is_file()]
    megabytes = sum(path.stat().st_size for path in files) / 2**20
    assert megabytes < 15  # 12 when written; botocore whole would add some 25
    assert not (layer / "bin").exists()
    assert not list(layer.rglob("__pycache__"))


def test_layer_is_pinned_whole() -> None:
    """`pip install --no-deps` fetches what is listed, so what is required must be listed."""
    pins = dict(re.findall(r"^([\w-]+)==(\S+)", PINS, re.MULTILINE))
    normal = {name.replace("_", "-").lower() for name in pins}
    for name, version in pins.items():
        assert importlib.metadata.version(name) == version, f"the tests run another {name}"
        for requirement in importlib.metadata.requires(name) or []:
            needed, _, marker = requirement.partition(";")
            if "extra" in marker or "python_version <" in marker:
                continue
            required = re.split(r"[^\w-]", needed.strip(), maxsplit=1)[0]
            assert required.replace("_", "-").lower() in normal, f"{name} needs {required}"
