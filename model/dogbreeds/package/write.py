"""Write model packages, `model.tar.gz`.

A package holds `model.safetensors` (PyTorch's weights), `network.xml` and `network.bin` (the
OpenVINO model), `breeds.json`, `card.json`, `smoke.jpg`, and `code/`, where SageMaker's images look
for the inference script. The same inputs give the same bytes, and nothing in it is a pickle.
"""

import hashlib
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import safetensors.torch

from dogbreeds.network.export import check_parity, export
from dogbreeds.network.network import Network
from dogbreeds.package.archive import whole_file, write_tar_gz
from dogbreeds.package.card import Breed, Card, PackageError, breeds_to_json
from dogbreeds.photos.decode import wire_image
from dogbreeds.photos.preprocess import prepare
from dogbreeds.serving.engine import Engine

MODEL = Path(__file__).resolve().parents[2]  # the entry points' folder
# AWS's Ray Serve image reads the application at the root and installs code/requirements.txt.
RAY_FILES = ("config.yaml", "ray_app.py")
RAY_REQUIREMENTS = "requirements-ray.txt"


def write_package(
    out: Path, network: Network, breeds: list[Breed], card: Card, smoke: bytes
) -> Card:
    """Export a network without an evaluation, and write its package to `out` atomically.

    See `package_members` for the parameters.
    """
    with tempfile.TemporaryDirectory(prefix="kennel-export-") as name:
        exported = Path(name)
        export(network, card.input.size, exported)
        check_parity(network, exported, prepare(wire_image(smoke), card.input))
        members, card = package_members(network, breeds, card, smoke, exported=exported)
    write_tar_gz(out, members)
    return card


def package_members(
    network: Network,
    breeds: list[Breed],
    card: Card,
    smoke: bytes,
    *,
    exported: Path,
    more: Mapping[str, bytes] | None = None,
) -> tuple[dict[str, bytes], Card]:
    """Return the files of a package and its completed card.

    Parameters
    ----------
    card : Card
        Its `version` and `smoke_breed` are set here.
    smoke : bytes
        JPEG that every server classifies when it starts.
    exported : Path
        Folder with the OpenVINO model in fp32, and perhaps in int8.
    more : mapping of str to bytes
        Further files, such as `evaluation.json`.

    Returns
    -------
    tuple of dict and Card
        Names in the package to contents, and the card that is among them.

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
    logits, _ = Engine(exported)(photo[None])
    members = {path.name: path.read_bytes() for path in sorted(exported.iterdir())}
    members |= {
        # contiguous(): training in channels_last leaves views, which safetensors refuses
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
    """Return the files of a package's `code/`: inference.py and the package `dogbreeds`."""
    files = [MODEL / "inference.py", *sorted((MODEL / "dogbreeds").rglob("*"))]
    return {
        path.relative_to(MODEL).as_posix(): path.read_bytes()
        for path in files
        if path.is_file() and "__pycache__" not in path.parts
    }


def write_folder(folder: Path, members: Mapping[str, bytes]) -> None:
    """Write a package's files into `folder`, such as SageMaker's SM_MODEL_DIR, each atomically.

    `card.json` is written last: without it no server loads the package.
    """
    for name in sorted(members, key=lambda name: (name == "card.json", name)):
        with whole_file(folder / name) as temporary:
            temporary.write_bytes(members[name])


def _version(members: dict[str, bytes], card: Card) -> str:
    digest = hashlib.sha256()
    for part in (members["model.safetensors"], members["breeds.json"], card.to_json().encode()):
        digest.update(hashlib.sha256(part).digest())
    return digest.hexdigest()[:12]
