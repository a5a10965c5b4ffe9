"""A network, its breeds and its card become `model.tar.gz`: checked first, then written whole.

In the archive: `model.safetensors` (PyTorch's weights), `network.xml` and `network.bin` (the
engine's form), `breeds.json`, `card.json`, `smoke.jpg`, and `code/`, where SageMaker's own images
look for the inference script. The same inputs give the same bytes, and nothing in it is a pickle.
"""

import hashlib
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import safetensors.torch

from dogbreeds.network.export import check_parity, export
from dogbreeds.network.network import Network
from dogbreeds.package.archive import whole_file, write_tar_gz
from dogbreeds.package.card import Breed, Card, PackageError, PreprocessConfig, breeds_to_json
from dogbreeds.photos.decode import wire_image
from dogbreeds.photos.preprocess import prepare
from dogbreeds.serving.engine import Engine

MODEL = Path(__file__).resolve().parents[2]  # the entry points' folder
# What AWS's Ray Serve image looks for: the application at the root, what it lacks in code/.
RAY_FILES = ("config.yaml", "ray_app.py")
RAY_REQUIREMENTS = "requirements-ray.txt"

PACKAGE = "model.tar.gz"


def write_package(
    out: Path, network: Network, breeds: list[Breed], card: Card, smoke: bytes
) -> Card:
    """Export, check and write a package of a network that was not evaluated, as a .tar.gz.

    `out` appears whole or not at all. See `make_package` for the rest.
    """
    with tempfile.TemporaryDirectory(prefix="kennel-forms-") as name:
        forms = Path(name)
        write_forms(network, card.input, smoke, forms)
        members, card = make_package(network, breeds, card, smoke, forms=forms)
    write_tar_gz(out, members)
    return card


def write_forms(network: Network, step: PreprocessConfig, smoke: bytes, folder: Path) -> None:
    """Write the engine's form of `network` into `folder`, and check it on the photo `smoke`.

    Raises
    ------
    PackageError
        The engine's form differs from PyTorch's.
    """
    export(network, step.size, folder)
    check_parity(network, folder, prepare(wire_image(smoke), step))


def make_package(
    network: Network,
    breeds: list[Breed],
    card: Card,
    smoke: bytes,
    *,
    forms: Path,
    more: Mapping[str, bytes] | None = None,
) -> tuple[dict[str, bytes], Card]:
    """Return the files of a network's package.

    Parameters
    ----------
    card : Card
        Its `version` and `smoke_breed` are filled in here.
    smoke : bytes
        JPEG for the warm-up of every server.
    forms : Path
        Folder of what `write_forms`, and perhaps `quantize.best_form`, have written.
    more : mapping of str to bytes
        Further files, such as `evaluation.json`.

    Returns
    -------
    tuple of dict and Card
        Names in the package to contents, and the card as written.

    Raises
    ------
    PackageError
        The number of breeds is wrong.
    """
    if network.breed_head.out_features != len(breeds):
        raise PackageError(
            f"The network has {network.breed_head.out_features} outputs for {len(breeds)} breeds."
        )
    photo = prepare(wire_image(smoke), card.input)
    logits, _ = Engine(forms)(photo[None])
    members = {path.name: path.read_bytes() for path in sorted(forms.iterdir())}
    members |= {
        # contiguous(): safetensors refuses views, and channels_last training leaves some
        "model.safetensors": safetensors.torch.save(
            {key: value.contiguous() for key, value in network.state_dict().items()}
        ),
        "breeds.json": breeds_to_json(breeds).encode(),
        "smoke.jpg": smoke,
    }
    card = replace(card, version="", smoke_breed=breeds[int(logits[0].argmax())].breed)
    card = replace(card, version=_version(members, card))
    members["card.json"] = card.to_json().encode()
    members |= {f"code/{name}": content for name, content in serving_code().items()}
    members |= {file: (MODEL / file).read_bytes() for file in RAY_FILES}
    members["code/requirements.txt"] = (MODEL / RAY_REQUIREMENTS).read_bytes()
    return members | dict(more or {}), card


def serving_code() -> dict[str, bytes]:
    """Return inference.py and the package `dogbreeds`, by their paths below `code/`."""
    files = [MODEL / "inference.py", *sorted((MODEL / "dogbreeds").rglob("*"))]
    return {
        path.relative_to(MODEL).as_posix(): path.read_bytes()
        for path in files
        if path.is_file() and "__pycache__" not in path.parts
    }


def write_folder(folder: Path, members: Mapping[str, bytes]) -> None:
    """Write a package's files into `folder`, as SageMaker wants SM_MODEL_DIR; each is whole.

    `card.json`, without which nothing loads a package, comes last.
    """
    for name in sorted(members, key=lambda name: (name == "card.json", name)):
        with whole_file(folder / name) as temporary:
            temporary.write_bytes(members[name])


@contextmanager
def unpacked(path: Path) -> Iterator[Path]:
    """Yield the folder of a package: `path` itself, or where its model.tar.gz was unpacked.

    Parameters
    ----------
    path : Path
        A .tar.gz, a folder that holds `model.tar.gz` (SageMaker's channel), or an unpacked package.

    Raises
    ------
    PackageError
        There is no package.
    """
    if path.is_dir() and (path / "card.json").is_file():
        yield path
        return
    archive = path / PACKAGE if path.is_dir() else path
    with tempfile.TemporaryDirectory(prefix="kennel-package-") as name:
        try:
            with tarfile.open(archive) as packed:
                packed.extractall(name, filter="data")
        except FileNotFoundError as error:
            missing = f"There is no {archive}; name the {PACKAGE} of a training."
            raise PackageError(missing) from error
        except (OSError, tarfile.TarError, EOFError) as error:
            reason = str(error).partition("\n")[0].rstrip(":")  # tarfile lists what it tried
            raise PackageError(
                f"{archive} is no model package ({reason}); name the {PACKAGE} of a training."
            ) from error
        yield Path(name)


def _version(members: dict[str, bytes], card: Card) -> str:
    digest = hashlib.sha256()
    for part in (members["model.safetensors"], members["breeds.json"], card.to_json().encode()):
        digest.update(hashlib.sha256(part).digest())
    return digest.hexdigest()[:12]
