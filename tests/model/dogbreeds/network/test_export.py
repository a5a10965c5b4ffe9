import copy
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from dogbreeds.network.export import MAX_DIFFERENCE, check_parity
from dogbreeds.network.network import Network
from dogbreeds.package.card import Card, PackageError
from dogbreeds.photos.decode import wire_image
from dogbreeds.photos.preprocess import prepare


@pytest.fixture(scope="module")
def photo(package: Path, smoke_bytes: bytes) -> NDArray[np.uint8]:
    return prepare(wire_image(smoke_bytes), Card.read(package).input)


def test_engine_and_pytorch_agree(
    network: Network, package: Path, photo: NDArray[np.uint8]
) -> None:
    assert check_parity(network, package, photo) <= MAX_DIFFERENCE


def test_another_top_breed_is_caught(
    network: Network, package: Path, photo: NDArray[np.uint8]
) -> None:
    other = copy.deepcopy(network)
    with torch.no_grad():
        other.breed_head.bias[7] += 50
    with pytest.raises(PackageError, match="another top breed"):
        check_parity(other, package, photo)


def test_a_shifted_probability_is_caught(
    network: Network, package: Path, photo: NDArray[np.uint8]
) -> None:
    other = copy.deepcopy(network)
    with torch.no_grad():
        other.breed_head.weight.mul_(1.02)
        other.breed_head.bias.mul_(1.02)
    with pytest.raises(PackageError, match=r"differs from PyTorch by 0\.\d+"):
        check_parity(other, package, photo)


def test_a_changed_dog_mass_is_caught(
    network: Network, package: Path, photo: NDArray[np.uint8]
) -> None:
    other = copy.deepcopy(network)
    other.dog_classes = other.dog_classes[:-40]
    with pytest.raises(PackageError, match="differs from PyTorch"):
        check_parity(other, package, photo)


def test_weights_that_are_no_numbers_are_caught(
    network: Network, package: Path, photo: NDArray[np.uint8], tmp_path: Path
) -> None:
    broken = shutil.copytree(package, tmp_path / "package")
    weights = np.fromfile(broken / "network.bin", np.uint8)
    middle = weights.size // 2  # at its ends are the shapes of what is computed last
    weights[middle : middle + 400_000] = 255  # float32 of all ones is NaN
    weights.tofile(broken / "network.bin")
    with pytest.raises(PackageError, match="not a number"):
        check_parity(network, broken, photo)
