"""The bundle and the pretrained package, made once and kept in the repository's cache."""

import json
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from bundle import make_bundle
from dogbreeds.network.network import Network
from dogbreeds.package.pretrained import pretrained_network
from dogbreeds.package.smoke import installed_photo
from dogbreeds.serving.inference import Engine, Model, model_fn

CACHE = Path(__file__).resolve().parents[2] / ".kennel" / "cache"


@pytest.fixture(scope="session")
def bundle_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bundle")
    make_bundle(folder, CACHE)
    return folder


@pytest.fixture(scope="session")
def package(bundle_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pretrained package, unpacked as SageMaker does; not to be changed."""
    folder = tmp_path_factory.mktemp("package")
    with tarfile.open(bundle_folder / "model.tar.gz") as archive:
        archive.extractall(folder, filter="data")
    return folder


@pytest.fixture(scope="session")
def model(package: Path) -> Model:
    return model_fn(str(package))


@pytest.fixture(scope="session")
def engine(model: Model) -> Engine:
    return model.engine


@pytest.fixture(scope="session")
def network() -> Network:
    """The pretrained network in PyTorch; not to be changed."""
    return pretrained_network()[0]


@pytest.fixture(scope="session")
def smoke_bytes(package: Path) -> bytes:
    return (package / "smoke.jpg").read_bytes()


@pytest.fixture(scope="session")
def foolbox_photos() -> dict[int, Path]:
    """foolbox's 20 photos by number: 0 is the bullmastiff, 16 the Dalmatian, the rest no dogs."""
    photos = sorted(installed_photo().parent.glob("imagenet_*.jpg"))
    assert len(photos) == 20
    return {int(photo.name.split("_")[1]): photo for photo in photos}


@pytest.fixture(scope="session")
def breed_names(package: Path) -> list[str]:
    return [entry["breed"] for entry in json.loads((package / "breeds.json").read_text())]


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Tiny networks are faster without threads that wait for each other."""
    import torch  # noqa: PLC0415  # here, so that what comes first for OpenVINO stays first

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
