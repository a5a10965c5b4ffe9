import io
import json
import tarfile
from pathlib import Path

import pytest
import safetensors.torch
import torch

from dogbreeds.data.imagenet import dog_breeds
from dogbreeds.network.network import Network
from dogbreeds.network.weights import SHIPPED, match_by_order, weights_file
from dogbreeds.package.card import Card, PackageError
from dogbreeds.package.write import MODEL, package_members, serving_code, write_package


def test_files_of_a_package(bundle_folder: Path) -> None:
    with tarfile.open(bundle_folder / "model.tar.gz") as archive:
        files = {member.name for member in archive.getmembers() if member.isfile()}
    assert files == {
        "breeds.json",
        "card.json",
        "code/requirements.txt",
        "config.yaml",
        "model.safetensors",
        "network.bin",
        "network.xml",
        "ray_app.py",
        "smoke.jpg",
        "code/inference.py",
        *(f"code/{file}" for file in serving_code()),
    }


def test_code_is_this_folders(package: Path) -> None:
    modules = sorted(MODEL.glob("dogbreeds/**/*.py"))
    assert len(modules) > 50
    for file in (MODEL / "inference.py", *modules):
        assert (package / "code" / file.relative_to(MODEL)).read_bytes() == file.read_bytes()


def test_the_weights_are_the_shipped_ones_and_the_cut_head(package: Path, network: Network) -> None:
    state = safetensors.torch.load_file(package / "model.safetensors")
    assert state.keys() == network.state_dict().keys()
    shipped = torch.load(weights_file(SHIPPED["tf_efficientnet_lite2"]), weights_only=True)
    matched = match_by_order(shipped, network.backbone.state_dict())
    for name, tensor in matched.items():
        assert torch.equal(state[f"backbone.{name}"], tensor)
    assert torch.equal(state["breed_head.weight"][0], matched["classifier.weight"][151])
    assert torch.equal(state["breed_head.bias"][-1], matched["classifier.bias"][275])


def test_the_card_says_what_serving_needs(package: Path) -> None:
    card = Card.read(package)
    assert card.input.size == 260
    assert card.wire == {"short": 320, "long": 640}
    assert card.smoke_breed == "Bull Mastiff"
    assert len(card.version) == 12
    assert int(card.version, 16) >= 0
    entries = json.loads((package / "breeds.json").read_text())
    assert entries[0] == {"breed": "Chihuahua", "synset": "n02085620"}
    assert len(entries) == 121


def test_too_few_breeds_make_no_package(
    network: Network, package: Path, smoke_bytes: bytes, tmp_path: Path
) -> None:
    card, breeds = Card.read(package), dog_breeds()[:-1]
    with pytest.raises(PackageError, match="121 outputs for 120 breeds"):
        package_members(network, breeds, card, smoke_bytes, exported=tmp_path)


def test_a_network_of_nan_writes_nothing(
    network: Network, package: Path, smoke_bytes: bytes, tmp_path: Path
) -> None:
    broken = Network(network.backbone, 121, Card.read(package).input)
    with torch.no_grad():
        broken.breed_head.weight.fill_(float("nan"))
    with pytest.raises(PackageError, match="weight that is not a number"):
        write_package(
            tmp_path / "model.tar.gz", broken, dog_breeds(), Card.read(package), smoke_bytes
        )
    assert list(tmp_path.iterdir()) == []


def test_nothing_in_it_is_a_pickle(bundle_folder: Path) -> None:
    with tarfile.open(bundle_folder / "model.tar.gz") as archive:
        for member in archive.getmembers():
            file = archive.extractfile(member)
            assert isinstance(file, io.BufferedReader)
            head = file.read(4)
            assert not head.startswith((b"\x80\x02", b"\x80\x04", b"PK")), member.name
