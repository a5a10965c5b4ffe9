import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from dogbreeds.evaluation.metrics import softmax
from dogbreeds.package.card import PackageError
from dogbreeds.serving import engine as engine_module
from dogbreeds.serving.engine import Engine
from dogbreeds.serving.openvino_core import CORE, ov

MODEL = Path(engine_module.__file__).parents[2]
QUIET_BY_ITSELF = ("CI", "TF_BUILD", "JENKINS_URL")  # with these set, OpenVINO sends no telemetry


def noise(count: int, seed: int = 1) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.random.default_rng(seed).integers(0, 256, (count, 260, 260, 3), np.uint8)


def test_outputs_have_their_shapes_for_any_batch(engine: Engine) -> None:
    assert engine.breeds == 121
    for count in (1, 3):
        logits, mass = engine(noise(count))
        assert logits.shape == (count, 121)
        assert mass.shape == (count,)
        assert logits.dtype == mass.dtype == np.float32
        assert ((mass >= 0) & (mass <= 1)).all()


def test_a_call_of_several_photos_compiles_for_a_core_each_and_answers_the_same(
    package: Path,
) -> None:
    engine = Engine(package, 2)
    each = [engine(photo[None]) for photo in noise(5)]
    assert "_core_each" not in vars(engine)
    together = engine(noise(5))
    assert "_core_each" in vars(engine)
    for alone, expected in zip(zip(*each, strict=True), together, strict=True):
        assert np.array_equal(np.concatenate(alone), expected)


def test_calls_at_once_have_a_core_each_and_answer_the_same(package: Path) -> None:
    engine = Engine(package, 2)
    photos = noise(12)
    expected = [engine(photo[None])[0] for photo in photos]
    with ThreadPoolExecutor(4) as pool:
        seen = list(pool.map(lambda photo: engine(photo[None])[0], photos))
    assert "_core_each" in vars(engine)
    assert all(map(np.array_equal, seen, expected))


def test_a_map_is_computed_only_for_a_call_that_asks(package: Path) -> None:
    engine = Engine(package)
    plain = engine(noise(1))
    names = [output.get_any_name() for output in engine._all_cores.network.outputs]
    assert names == ["breed_logits", "dog_mass"]
    assert "_with_map" not in vars(engine)
    logits, mass, breed_map = engine.explain(noise(1))
    assert np.array_equal(logits, plain[0]) and np.array_equal(mass, plain[1])
    assert breed_map is not None and breed_map.shape == (1, 121, 9, 9)
    np.testing.assert_allclose(breed_map.mean(axis=(2, 3)), logits, atol=1e-3)


def test_the_features_are_what_the_breed_head_takes(package: Path) -> None:
    engine = Engine(package)
    plain = engine(noise(1))
    assert "_with_features" not in vars(engine)
    logits, mass, features = engine.embed(noise(1))
    np.testing.assert_allclose(logits, plain[0], atol=1e-4)
    np.testing.assert_allclose(mass, plain[1], atol=1e-4)
    state = load_file(package / "model.safetensors")
    head, bias = state["breed_head.weight"], state["breed_head.bias"]
    np.testing.assert_allclose(features @ head.T + bias, logits, atol=1e-3)


def without_map(package: Path, out: Path) -> Path:
    """A package as it was before networks had a map."""
    older = shutil.copytree(package, out)
    model = CORE.read_model(package / "network.xml")
    model.remove_result(model.get_results()[2])
    for name in ("network.xml", "network.bin"):
        (older / name).unlink()
    ov.save_model(model, older / "network.xml", compress_to_fp16=False)
    return older


def test_an_older_package_has_no_map(package: Path, tmp_path: Path, engine: Engine) -> None:
    older = Engine(without_map(package, tmp_path / "package"))
    expected = engine(noise(1))
    logits, mass, breed_map = older.explain(noise(1))
    assert np.array_equal(logits, expected[0]) and np.array_equal(mass, expected[1])
    assert breed_map is None


def test_photos_of_another_size_are_one_sentence(engine: Engine) -> None:
    for count in (1, 2):
        with pytest.raises(PackageError, match="cannot run the model package"):
            engine(noise(count)[:, :99])


def test_calls_from_many_threads_do_not_mix(engine: Engine) -> None:
    photos = [noise(1, seed) for seed in range(12)]
    alone = [engine(photo)[0] for photo in photos]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda photo: engine(photo)[0], photos))
    for expected, logits in zip(alone, together, strict=True):
        np.testing.assert_allclose(logits, expected, atol=1e-4)


def test_an_answer_is_kept_when_the_next_is_computed(engine: Engine) -> None:
    first, _ = engine(noise(1, 1))
    before = first.copy()
    engine(noise(1, 2))
    assert np.array_equal(first, before)


def test_softmax_of_large_logits() -> None:
    probabilities = softmax(np.array([[1000.0, 1000.0, -1000.0]], np.float32))
    np.testing.assert_allclose(probabilities, [[0.5, 0.5, 0.0]])


@pytest.mark.parametrize("name", ["network.xml", "network.bin"])
def test_a_missing_file_is_named(package: Path, tmp_path: Path, name: str) -> None:
    broken = shutil.copytree(package, tmp_path / "package")
    (broken / name).unlink()
    with pytest.raises(PackageError, match=f"has no {name}"):
        Engine(broken)


@pytest.mark.parametrize("name", ["network.xml", "network.bin"])
def test_a_truncated_file_does_not_load(package: Path, tmp_path: Path, name: str) -> None:
    broken = shutil.copytree(package, tmp_path / "package")
    whole = (broken / name).read_bytes()
    (broken / name).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(PackageError, match="engine cannot load the model package"):
        Engine(broken)


def test_a_signal_after_engines_were_dropped_reaches_its_handler(package: Path) -> None:
    """In a process of its own: it was a segmentation fault (openvino_core.py says why)."""
    code = (
        "import os, signal, sys; from pathlib import Path;"
        "from dogbreeds.serving.engine import Engine;"
        "signal.signal(signal.SIGTERM, lambda number, frame: print('handled', number));"
        "first = Engine(Path(sys.argv[1])); second = Engine(Path(sys.argv[1]));"
        "del first; del second; os.kill(os.getpid(), signal.SIGTERM)"
    )
    command = [sys.executable, "-c", code, str(package)]
    environment = {**os.environ, "PYTHONPATH": str(MODEL)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert (done.returncode, done.stdout) == (0, "handled 15\n"), done.stderr


def test_the_engine_loads_no_telemetry_and_writes_nothing_to_home(tmp_path: Path) -> None:
    code = (
        "import sys; import dogbreeds.serving.engine;"
        "print([n for n, m in sys.modules.items() if n.startswith('openvino_tele') and m])"
    )
    environment = {n: value for n, value in os.environ.items() if n not in QUIET_BY_ITSELF}
    environment |= {"HOME": str(tmp_path), "PYTHONPATH": str(MODEL)}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert done.stdout == "[]\n"
    assert list(tmp_path.iterdir()) == []
