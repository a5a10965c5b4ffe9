"""Compute the pooled features of photos once, and cache them.

The features of a frozen backbone depend on the photo alone, so they are cached in a folder by the
photo's SHA-256, under a key over the backbone's weights, the preprocessing and the library that
computes them. A second training, or a search of any length, reads the cache.

Each call of the network has one photo, and several calls run at once, one a core: in a batch, the
last bits of a photo's features would depend on its neighbours, and the same inputs would no longer
give the same bytes.
"""

import contextlib
import hashlib
import io
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from dogbreeds.network.network import Network
from dogbreeds.package.archive import sha256, whole_file
from dogbreeds.package.card import PreprocessConfig
from dogbreeds.photos.decode import LoadPhoto, load_photo
from dogbreeds.photos.preprocess import prepare
from dogbreeds.training.progress import Progress, cancelled_on_exit

SHARD = 256  # photos in one file of the cache; a killed run loses no more than these
OUTPUTS = ("features", "dog_mass")
_VERSION = 1  # raise it when photos/decode.py or preprocess.py change the pixels of a photo

PhotoFeatures = tuple[NDArray[np.float32], float]  # features [channels], dog mass
Infer = Callable[[NDArray[np.uint8]], PhotoFeatures]


@dataclass(frozen=True)
class Features:
    """The features of some photos, in their order."""

    vectors: NDArray[np.float32]  # (photos, channels)
    dog_mass: NDArray[np.float32]  # (photos,), of the backbone's own head

    def rows(self, chosen: NDArray[np.int64]) -> "Features":
        """Return the features of the photos at the indices `chosen`."""
        return Features(self.vectors[chosen], self.dog_mass[chosen])


class FrozenPart(nn.Module):
    """The part of a network that head-only training does not change."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, photos: Tensor) -> tuple[Tensor, Tensor]:
        """Return features [B, channels] and dog mass [B] of uint8 [B, size, size, 3]."""
        features = self.network.features(photos)
        return features, self.network.dog_mass(features)


class Extractor:
    """Computes the features of photos, or reads them from the cache.

    Parameters
    ----------
    network : Network
        Its breed head is not used.
    cache : Path or None
        Folder of the cache; None for no cache.
    threads : int
        Cores to use; 0 means all that this process may use.
    load : callable
        Reads and decodes a photo.
    """

    def __init__(
        self,
        network: Network,
        preprocess: PreprocessConfig,
        cache: Path | None,
        threads: int = 0,
        load: LoadPhoto = load_photo,
    ) -> None:
        self._frozen, self._preprocess = FrozenPart(network).eval(), preprocess
        self._load_photo = load
        self._threads = threads or len(os.sched_getaffinity(0))
        self._engine = "openvino" if _has_openvino() else "torch"
        self._infer: Infer | None = None
        self.computed = 0  # photos that went through the network
        self._folder = cache / "features" / self._key() if cache else None

    def __call__(self, photos: Sequence[Path], mirrored: bool = False) -> Features:
        """Return the features of `photos`, or of their mirror images.

        Raises
        ------
        PhotoError
            A photo cannot be decoded; the message names it.
        """
        view = "mirrored" if mirrored else "upright"
        cached = self._read_cache(view)
        with ThreadPoolExecutor(self._threads) as pool, cancelled_on_exit(pool):
            digests = list(pool.map(sha256, photos))
            missing = {
                digest: path
                for digest, path in zip(digests, photos, strict=True)
                if digest not in cached
            }
            if missing and self._infer is None:
                self._infer = self._load()
            title = "features" + (" of mirror images" if mirrored else "")
            with Progress(title, len(missing)) as progress:
                computed = pool.map(lambda path: self._compute(path, mirrored), missing.values())
                pairs = zip(missing, computed, strict=True)
                while shard := dict(islice(_counted(pairs, progress), SHARD)):
                    self._write_cache(view, shard)
                    cached |= shard
        self.computed += len(missing)
        return Features(
            np.stack([cached[digest][0] for digest in digests]),
            np.array([cached[digest][1] for digest in digests], np.float32),
        )

    def _compute(self, path: Path, mirrored: bool) -> PhotoFeatures:
        pixels = prepare(self._load_photo(path), self._preprocess)
        assert self._infer is not None  # noqa: S101  # set before the first photo
        return self._infer(np.ascontiguousarray(pixels[:, ::-1]) if mirrored else pixels)

    def _load(self) -> Infer:
        if self._engine == "openvino":
            return openvino_infer(self._frozen, self._preprocess.size, self._threads)
        return torch_infer(self._frozen)

    def _key(self) -> str:
        digest = hashlib.sha256(f"{_VERSION} {self._engine} {asdict(self._preprocess)}".encode())
        for name, tensor in sorted(self._frozen.network.backbone.state_dict().items()):
            digest.update(name.encode())
            digest.update(tensor.contiguous().numpy().tobytes())
        return digest.hexdigest()[:20]

    def _read_cache(self, view: str) -> dict[str, PhotoFeatures]:
        cached: dict[str, PhotoFeatures] = {}
        if self._folder is None:
            return cached
        for path in sorted(self._folder.glob(f"{view}-*.npz")):
            try:
                # read_bytes: np.load leaves its own handle of a broken file open
                with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as shard:
                    names, vectors, mass = shard["photos"], shard["features"], shard["dog_mass"]
            except (OSError, ValueError, KeyError, EOFError, BadZipFile):
                path.unlink(missing_ok=True)  # broken, or of another format: compute it again
                continue
            cached |= {
                str(name): (vector, float(value))
                for name, vector, value in zip(names, vectors, mass, strict=True)
            }
        return cached

    def _write_cache(self, view: str, shard: dict[str, PhotoFeatures]) -> None:
        if self._folder is None:
            return
        name = hashlib.sha256("".join(sorted(shard)).encode()).hexdigest()[:20]
        # On a full disk training goes on without a cache: it has the features in memory.
        with (
            contextlib.suppress(OSError),
            whole_file(self._folder / f"{view}-{name}.npz") as temporary,
            temporary.open("wb") as file,
        ):
            np.savez(
                file,
                photos=np.array(list(shard)),
                features=np.stack([features for features, _ in shard.values()]),
                dog_mass=np.array([dog_mass for _, dog_mass in shard.values()], np.float32),
            )


def openvino_infer(frozen: FrozenPart, size: int, streams: int) -> Infer:
    """Return a function that computes one photo's features in OpenVINO, on one core a call."""
    from dogbreeds.network.export import convert  # noqa: PLC0415  # only where OpenVINO is installed
    from dogbreeds.serving.compiled import CompiledNetwork  # noqa: PLC0415
    from dogbreeds.serving.openvino_core import CORE  # noqa: PLC0415

    settings = {
        "INFERENCE_PRECISION_HINT": "f32",
        "NUM_STREAMS": str(streams),
        "INFERENCE_NUM_THREADS": str(streams),
    }
    network = CompiledNetwork(CORE.compile_model(convert(frozen, size, OUTPUTS), "CPU", settings))

    def infer(photo: NDArray[np.uint8]) -> PhotoFeatures:
        features, mass = network.outputs(photo[None], *OUTPUTS)
        return features[0], float(mass[0])

    return infer


def torch_infer(frozen: FrozenPart) -> Infer:
    """Return a function that computes one photo's features in PyTorch, on a GPU if possible."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    frozen = frozen.to(device)

    def infer(photo: NDArray[np.uint8]) -> PhotoFeatures:
        with torch.inference_mode():
            features, mass = frozen(torch.from_numpy(photo[None]).to(device))
        return features[0].cpu().numpy(), float(mass[0])

    return infer


def _counted(
    pairs: Iterator[tuple[str, PhotoFeatures]], progress: Progress
) -> Iterator[tuple[str, PhotoFeatures]]:
    for pair in pairs:
        progress.update()
        yield pair


def _has_openvino() -> bool:
    try:
        from dogbreeds.serving import openvino_core  # noqa: F401, PLC0415
    except ModuleNotFoundError:
        return False
    return True
