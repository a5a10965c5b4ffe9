"""The serving image's contents: model/Dockerfile and its requirements against the code."""

import importlib.metadata
import re
import subprocess
import sys
from pathlib import Path

from scripts import lock

FOLDER = Path(__file__).resolve().parents[2] / "model"
# the engine is loaded with the model
SERVING = "import server, dogbreeds.serving.worker, dogbreeds.serving.engine"


def modules_after(statement: str) -> set[str]:
    """Top-level modules that a fresh Python has loaded after `statement`."""
    code = f"import sys; sys.path.insert(0, {str(FOLDER)!r}); {statement}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in done.stdout.split()}


def test_serving_loads_no_training_library() -> None:
    loaded = modules_after(SERVING)
    assert "openvino" in loaded
    training = {"torch", "torchvision", "timm", "safetensors", "scipy", "pandas", "jinja2"}
    assert not loaded & (training | {"boto3"})


def test_the_image_holds_the_server_and_the_package() -> None:
    dockerfile = (FOLDER / "Dockerfile").read_text()
    assert "COPY server.py inference.py ./\nCOPY dogbreeds ./dogbreeds\n" in dockerfile


def test_the_image_accepts_sagemakers_argument() -> None:
    dockerfile = (FOLDER / "Dockerfile").read_text()
    assert 'ENTRYPOINT ["python", "/opt/kennel/server.py"]' in dockerfile  # exec form: gets SIGTERM
    assert 'CMD ["serve"]' in dockerfile
    assert "KENNEL_HOST=0.0.0.0" in dockerfile


def test_every_stage_stands_on_one_base_pinned_by_digest() -> None:
    dockerfile = (FOLDER / "Dockerfile").read_text()
    (base,) = re.findall("^ARG BASE=(.+)$", dockerfile, re.MULTILINE)
    assert re.fullmatch(r"[\w./-]+:3\.13\.\d+-slim-[a-z]+@sha256:[0-9a-f]{64}", base)
    assert {line.split()[1] for line in dockerfile.splitlines() if line.startswith("FROM")} == {
        "${BASE}"
    }


def test_every_requirement_is_pinned_to_what_is_tested_here() -> None:
    pins = lock.read_requirements(FOLDER / "requirements-serving.txt")[1]
    assert set(pins) == {"httptools", "numpy", "openvino", "pillow", "starlette", "uvicorn"}
    assert pins == {name: importlib.metadata.version(name) for name in pins}
