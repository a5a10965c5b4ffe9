"""Pooled features of photos, computed once and kept.

A frozen backbone says the same of the same photo for ever, so features are kept in a folder by
the photo's SHA-256, under a key over the backbone's weights, the way of a photo into it and the
library that computes it. A second training, or a search of any length, then reads them in a moment.

One photo goes through the network at a time, several at once on other cores: a batch would make a
photo's last bits depend on its neighbours, and the same inputs would no longer give the same bytes.
"""

import contextlib
import hashlib
import io
import os
import queue
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
from dogbreeds.training.progress import Progress

SHARD = 256  # photos in one file of the cache: what a killed run loses at most
OUTPUTS = ("features", "dog_mass")
_VERSION = 1  # raise it when photo.py or preprocess.py change what a photo becomes

Answer = tuple[NDArray[np.float32], float]  # features [channels], dog mass
Infer = Callable[[NDArray[np.uint8]], Answer]


@dataclass(frozen=True)
class Features:
    """What a backbone says of some photos, in their order."""

    vectors: NDArray[np.float32]  # (photos, channels)
    dog_mass: NDArray[np.float32]  # (photos,), of the backbone's own head

    def rows(self, chosen: NDArray[np.int64]) -> "Features":
        """Return those of some photos."""
        return Features(self.vectors[chosen], self.dog_mass[chosen])


class Probe(nn.Module):
    """The part of a network that training leaves as it is."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, photos: Tensor) -> tuple[Tensor, Tensor]:
        """Return features [B, channels] and dog mass [B] of uint8 [B, size, size, 3]."""
        features = self.network.features(photos)
        return features, self.network.dog_mass(features)


class Extractor:
    """Computes features, or finds them where they were kept.

    Parameters
    ----------
    network : Network
        Its breed head does not matter.
    cache : Path or None
        Folder for what was computed; None keeps nothing.
    threads : int
        Cores to use; 0 means all that this process may use.
    load : callable
        Reads and decodes a photo.
    """

    def __init__(
        self,
        network: Network,
        step: PreprocessConfig,
        cache: Path | None,
        threads: int = 0,
        load: LoadPhoto = load_photo,
    ) -> None:
        self._probe, self._step, self._load_photo = Probe(network).eval(), step, load
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
        known = self._kept(view)
        with ThreadPoolExecutor(self._threads) as pool:
            digests = list(pool.map(sha256, photos))
            todo = {
                digest: path
                for digest, path in zip(digests, photos, strict=True)
                if digest not in known
            }
            if todo and self._infer is None:
                self._infer = self._load()
            what = "features" + (" of mirror images" if mirrored else "")
            with Progress(what, len(todo)) as progress:
                found = pool.map(lambda path: self._answer(path, mirrored), todo.values())
                pairs = zip(todo, found, strict=True)
                while shard := dict(islice(_counted(pairs, progress), SHARD)):
                    self._keep(view, shard)
                    known |= shard
        self.computed += len(todo)
        return Features(
            np.stack([known[digest][0] for digest in digests]),
            np.array([known[digest][1] for digest in digests], np.float32),
        )

    def _answer(self, path: Path, mirrored: bool) -> Answer:
        pixels = prepare(self._load_photo(path), self._step)
        assert self._infer is not None  # noqa: S101  # loaded before the first photo
        return self._infer(np.ascontiguousarray(pixels[:, ::-1]) if mirrored else pixels)

    def _load(self) -> Infer:
        if self._engine == "openvino":
            return openvino_infer(self._probe, self._step.size, self._threads)
        return torch_infer(self._probe)

    def _key(self) -> str:
        digest = hashlib.sha256(f"{_VERSION} {self._engine} {asdict(self._step)}".encode())
        for name, tensor in sorted(self._probe.network.backbone.state_dict().items()):
            digest.update(name.encode())
            digest.update(tensor.contiguous().numpy().tobytes())
        return digest.hexdigest()[:20]

    def _kept(self, view: str) -> dict[str, Answer]:
        kept: dict[str, Answer] = {}
        if self._folder is None:
            return kept
        for path in sorted(self._folder.glob(f"{view}-*.npz")):
            try:
                # read_bytes: of a broken file np.load leaves its own handle open
                with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as shard:
                    names, vectors, mass = shard["photos"], shard["features"], shard["dog_mass"]
            except (OSError, ValueError, KeyError, EOFError, BadZipFile):
                path.unlink(missing_ok=True)  # not ours, or broken: it is computed anew
                continue
            kept |= {
                str(name): (vector, float(value))
                for name, vector, value in zip(names, vectors, mass, strict=True)
            }
        return kept

    def _keep(self, view: str, shard: dict[str, Answer]) -> None:
        if self._folder is None:
            return
        name = hashlib.sha256("".join(sorted(shard)).encode()).hexdigest()[:20]
        # a full disk costs the cache, not the training, which has what it needs in memory
        with (
            contextlib.suppress(OSError),
            whole_file(self._folder / f"{view}-{name}.npz") as temporary,
            temporary.open("wb") as file,
        ):
            np.savez(
                file,
                photos=np.array(list(shard)),
                features=np.stack([answer[0] for answer in shard.values()]),
                dog_mass=np.array([answer[1] for answer in shard.values()], np.float32),
            )


def openvino_infer(probe: Probe, size: int, streams: int) -> Infer:
    """Return a function of one photo that runs in OpenVINO, one core for each call."""
    from dogbreeds.network.export import convert  # noqa: PLC0415  # only where OpenVINO is installed
    from dogbreeds.serving.quiet_openvino import ov  # noqa: PLC0415

    compiled = ov.Core().compile_model(
        convert(probe, size, OUTPUTS),
        "CPU",
        {
            "INFERENCE_PRECISION_HINT": "f32",
            "NUM_STREAMS": str(streams),
            "INFERENCE_NUM_THREADS": str(streams),
        },
    )
    free: queue.SimpleQueue[object] = queue.SimpleQueue()
    for _ in range(streams):
        free.put(compiled.create_infer_request())

    def infer(photo: NDArray[np.uint8]) -> Answer:
        request = free.get()
        try:
            found = request.infer({"photos": photo[None]})  # type: ignore[attr-defined]
            return found["features"][0].copy(), float(found["dog_mass"][0])
        finally:
            free.put(request)

    return infer


def torch_infer(probe: Probe) -> Infer:
    """Return a function of one photo that runs in eager PyTorch, on a GPU where there is one."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    probe = probe.to(device)

    def infer(photo: NDArray[np.uint8]) -> Answer:
        with torch.inference_mode():
            features, mass = probe(torch.from_numpy(photo[None]).to(device))
        return features[0].cpu().numpy(), float(mass[0])

    return infer


def _counted(
    pairs: Iterator[tuple[str, Answer]], progress: Progress
) -> Iterator[tuple[str, Answer]]:
    for pair in pairs:
        progress.update()
        yield pair


def _has_openvino() -> bool:
    try:
        from dogbreeds.serving import quiet_openvino  # noqa: F401, PLC0415
    except ModuleNotFoundError:
        return False
    return True
