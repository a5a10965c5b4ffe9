"""A network, its breeds and its card become `model.tar.gz`: checked first, then written whole.

In the archive: `model.safetensors` (PyTorch's weights), `network.xml` and `network.bin` (the
engine's form), `breeds.json`, `card.json`, `smoke.jpg`, and `code/`, where SageMaker's own images
look for the inference script. The same inputs give the same bytes, and nothing in it is a pickle.
"""

import hashlib
import tempfile
from dataclasses import replace
from pathlib import Path

import safetensors.torch

from archive import write_tar_gz
from card import Breed, Card, PackageError, breeds_to_json
from engine import Engine
from export import check_parity, export
from network import Network
from photo import wire_array
from preprocess import prepare

SERVING_CODE = (
    "breeds.py",
    "card.py",
    "eager.py",
    "engine.py",
    "inference.py",
    "network.py",
    "npy.py",
    "photo.py",
    "preprocess.py",
    "probabilities.py",
    "quiet_openvino.py",
)


def write_package(
    out: Path, network: Network, breeds: list[Breed], card: Card, smoke: bytes
) -> Card:
    """Export, check and write the package.

    Parameters
    ----------
    out : Path
        Where the .tar.gz goes; it appears there whole or not at all.
    card : Card
        Its `version` and `smoke_breed` are filled in here.
    smoke : bytes
        JPEG on which PyTorch and engine must agree; kept in the package for the warm-up.

    Returns
    -------
    Card
        As written.

    Raises
    ------
    PackageError
        The number of breeds is wrong, or the engine's form differs from PyTorch's.
    """
    if network.breed_head.out_features != len(breeds):
        raise PackageError(
            f"The network has {network.breed_head.out_features} outputs for {len(breeds)} breeds."
        )
    photo = prepare(wire_array(smoke), card.input)
    with tempfile.TemporaryDirectory(prefix="kennel-export-") as name:
        folder = Path(name)
        export(network, card.input.size, folder)
        check_parity(network, folder, photo)
        logits, _ = Engine(folder)(photo[None])
        members = {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
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
    here = Path(__file__).parent
    members |= {f"code/{file}": (here / file).read_bytes() for file in SERVING_CODE}
    write_tar_gz(out, members)
    return card


def _version(members: dict[str, bytes], card: Card) -> str:
    digest = hashlib.sha256()
    for part in (members["model.safetensors"], members["breeds.json"], card.to_json().encode()):
        digest.update(hashlib.sha256(part).digest())
    return digest.hexdigest()[:12]
