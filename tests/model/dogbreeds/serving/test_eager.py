import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from dogbreeds.evaluation.metrics import softmax
from dogbreeds.package.card import PackageError
from dogbreeds.serving import eager
from dogbreeds.serving.eager import EagerEngine
from dogbreeds.serving.engine import Engine

MODEL = Path(eager.__file__).parents[2]


@pytest.fixture(scope="module")
def eager_engine(package: Path) -> EagerEngine:
    return EagerEngine(package, threads=2)


def test_it_answers_what_the_engine_answers(package: Path, eager_engine: EagerEngine) -> None:
    photos = np.random.default_rng(4).integers(0, 256, (2, 260, 260, 3), np.uint8)
    logits, mass = eager_engine(photos)
    expected, expected_mass = Engine(package)(photos)
    assert eager_engine.breeds == 121
    np.testing.assert_allclose(softmax(logits), softmax(expected), atol=1e-3)
    np.testing.assert_allclose(mass, expected_mass, atol=1e-3)


def test_the_code_of_a_package_serves_alone_and_without_openvino(package: Path) -> None:
    code = (
        "import sys; sys.modules['openvino'] = None\n"
        f"sys.path.insert(0, {str(package / 'code')!r})\n"
        "from pathlib import Path; from dogbreeds.serving.inference import load_model, warm_up\n"
        f"package = Path({str(package)!r}); model = load_model(package, 2)\n"
        "print(type(model.engine).__name__, warm_up(model, package)['breeds'][0]['breed'])\n"
        "print({Path(m.__file__).is_relative_to(package / 'code')"
        " for n, m in sys.modules.items() if n.startswith('dogbreeds')})\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "EagerEngine Bull Mastiff\n{True}\n"


def test_neither_engine_nor_torch_is_one_sentence(package: Path) -> None:
    code = (
        "import sys; sys.modules['openvino'] = sys.modules['torch'] = None\n"
        f"sys.path.insert(0, {str(MODEL)!r})\n"
        "from inference import model_fn\n"
        f"model_fn({str(package)!r})\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "PackageError: Neither openvino nor" in done.stderr.splitlines()[-1]


@pytest.mark.parametrize("damage", ["missing", "truncated", "another head", "NaN"])
def test_broken_weights_are_named(package: Path, tmp_path: Path, damage: str) -> None:
    broken = shutil.copytree(package, tmp_path / "package")
    weights = broken / "model.safetensors"
    whole = weights.read_bytes()
    weights.unlink()
    if damage == "truncated":
        weights.write_bytes(whole[: len(whole) // 2])
    elif damage == "another head":
        weights.write_bytes(whole.replace(b"breed_head.weight", b"breed_Head.weight", 1))
    elif damage == "NaN":
        weights.write_bytes(whole[:-4] + b"\xff" * 4)
    with pytest.raises(PackageError, match=r"model\.safetensors"):
        EagerEngine(broken)


def test_it_explains_as_the_engine_does(package: Path, eager_engine: EagerEngine) -> None:
    photo = np.random.default_rng(2).integers(0, 256, (1, 260, 260, 3), np.uint8)
    for own, expected in zip(
        eager_engine.explain(photo), Engine(package).explain(photo), strict=True
    ):
        assert own is not None and expected is not None
        np.testing.assert_allclose(own, expected, atol=2e-3)


def test_it_embeds_as_the_engine_does(package: Path, eager_engine: EagerEngine) -> None:
    photo = np.random.default_rng(3).integers(0, 256, (1, 260, 260, 3), np.uint8)
    for own, expected in zip(eager_engine.embed(photo), Engine(package).embed(photo), strict=True):
        assert own.shape == expected.shape
        np.testing.assert_allclose(own, expected, atol=2e-3)
