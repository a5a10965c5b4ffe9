"""timm's hub, played by a server on loopback: fetch, cache, no network, wrong and cut files."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import safetensors.torch
import timm
import torch

from dogbreeds.network.hub import architectures, check_name
from dogbreeds.package.card import PackageError
from tests.model.hub import Hub, serving_hub

MODEL = Path(__file__).resolve().parents[4] / "model"
REPOSITORY = "timm/test_resnet.r160_in1k"
# huggingface_hub reads HF_ENDPOINT and HF_HOME when it is imported: each look-up is a process.
FETCH = """
import sys
from dogbreeds.network.hub import fetch
from dogbreeds.package.card import PackageError
try:
    weights = fetch(sys.argv[1], *sys.argv[2:])
except PackageError as error:
    sys.exit(str(error))
print(weights.revision, weights.sha256, weights.path)
"""


@pytest.fixture(scope="module")
def weights() -> bytes:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        return safetensors.torch.save(timm.create_model("test_resnet").state_dict())


@pytest.fixture
def hub(weights: bytes) -> Iterator[Hub]:
    with serving_hub() as served:
        served.files[REPOSITORY] = weights
        yield served


def environment(url: str, home: Path) -> dict[str, str]:
    return {**os.environ, "HF_ENDPOINT": url, "HF_HOME": str(home), "PYTHONPATH": str(MODEL)}


def fetch(url: str, home: Path, *revision: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", FETCH, REPOSITORY, *revision],
        capture_output=True,
        text=True,
        check=False,
        env=environment(url, home),
    )


NOWHERE = "http://127.0.0.1:9"  # the port of "discard", where nothing listens


def test_fetched_once_and_then_pinned_in_the_cache(
    hub: Hub, weights: bytes, tmp_path: Path
) -> None:
    first = fetch(hub.url, tmp_path)
    assert first.returncode == 0, first.stderr
    revision, digest, path = first.stdout.split()
    assert revision == hub.commit and digest == hashlib.sha256(weights).hexdigest()
    assert Path(path).read_bytes() == weights
    hub.commit, asked = "b" * 40, len(hub.requests)
    assert fetch(hub.url, tmp_path).stdout == first.stdout  # the newer commit is not taken
    assert fetch(NOWHERE, tmp_path).stdout == first.stdout
    assert len(hub.requests) == asked
    assert fetch(hub.url, tmp_path, hub.commit).stdout.startswith(hub.commit)  # until demanded


def test_without_network_and_cache(tmp_path: Path) -> None:
    done = fetch(NOWHERE, tmp_path)
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1
    assert f"{NOWHERE}/{REPOSITORY}/resolve/main/model.safetensors" in done.stderr
    assert "--backbone-weights FILE" in done.stderr and "--random-weights" in done.stderr


def test_a_file_of_another_digest_is_not_used(hub: Hub, tmp_path: Path) -> None:
    hub.digest = "0" * 64
    for _ in range(2):
        done = fetch(hub.url, tmp_path)
        assert done.returncode == 1 and "do not have the SHA-256" in done.stderr
    hub.digest = None
    assert fetch(hub.url, tmp_path).returncode == 0


def test_a_file_that_was_cut_on_the_way_is_not_used(hub: Hub, tmp_path: Path) -> None:
    hub.sent = 0.5
    done = fetch(hub.url, tmp_path)
    assert done.returncode == 1 and "cannot be fetched" in done.stderr.splitlines()[-1]
    hub.sent = 1.0
    assert fetch(hub.url, tmp_path).returncode == 0


def test_a_file_that_was_cut_in_the_cache_is_fetched_again(
    hub: Hub, weights: bytes, tmp_path: Path
) -> None:
    path = Path(fetch(hub.url, tmp_path).stdout.split()[2])
    path.resolve().write_bytes(weights[:1000])
    assert fetch(hub.url, tmp_path).returncode == 0
    assert path.read_bytes() == weights
    path.resolve().write_bytes(weights[:1000])
    assert fetch(NOWHERE, tmp_path).returncode == 1


@pytest.mark.slow
def test_weights_that_travel_with_the_source(hub: Hub, tmp_path: Path) -> None:
    """`python -m dogbreeds.network.hub` puts them where bundle.py packs them."""
    out, code = tmp_path / "weights", "import sys; from pathlib import Path;"
    code += (
        "from dogbreeds.network.hub import bundled; print(bundled(*sys.argv[1:2], Path('weights')))"
    )
    get = [sys.executable, "-m", "dogbreeds.network.hub", "test_resnet", "--out", str(out)]
    look = [sys.executable, "-c", code, REPOSITORY]
    online, offline = environment(hub.url, tmp_path / "hf"), environment(NOWHERE, tmp_path / "none")
    done = subprocess.run(get, capture_output=True, text=True, check=False, env=online)
    assert done.returncode == 0, done.stderr
    origin = json.loads((out / "test_resnet.r160_in1k.json").read_text())
    assert origin["revision"] == hub.commit
    ends = {"capture_output": True, "text": True, "env": offline, "cwd": tmp_path}
    looked_up = subprocess.run(look, check=True, **ends)  # type: ignore[call-overload]
    assert origin["sha256"] in looked_up.stdout
    (out / "test_resnet.r160_in1k.safetensors").write_bytes(b"other")
    broken = subprocess.run(look, check=False, **ends)  # type: ignore[call-overload]
    assert "is not the file that was fetched" in broken.stderr


def test_every_name_of_timm_is_known_without_timm() -> None:
    for name in (*timm.list_models(), *timm.list_pretrained()):
        check_name(name)
    networks = {name.partition(".")[0] for name in architectures()}
    assert not {name for name in networks if not timm.is_model(name)}


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("resnet5", "resnet50"),
        ("hgnetv2b2", "hgnetv2_b2"),
        ("resnet50.a1", "resnet50.a[123]_in1k"),
        ("tf_efficientnet_lite22", "tf_efficientnet_lite2"),
        ("zzz", r"no network 'zzz'\."),
    ],
)
def test_an_unknown_name_is_refused_with_near_ones(name: str, near: str) -> None:
    with pytest.raises(PackageError, match=near):
        check_name(name)
