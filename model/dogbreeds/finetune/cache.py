"""Cache decoded photos in files of uint8 pixels that every later epoch and run reads.

A file holds the photos that one run decoded first, each as a square of `side` pixels, and lists
them by the SHA-256 of their bytes. So a moved photo is found, a changed one is decoded again, and
two runs at once write two files. Files are written atomically, and the list last: without it no run
reads the pixels.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dogbreeds.package.archive import sha256, whole_file
from dogbreeds.package.card import PreprocessConfig
from dogbreeds.photos.decode import LoadPhoto, load_photo
from dogbreeds.photos.preprocess import prepare
from dogbreeds.training.progress import Progress

_VERSION = 1  # raise it when decode.py, preprocess.py or `whole_view` change what a photo becomes
LARGER = 1.15  # a crop of three quarters of the photo's area keeps its detail
_CHUNK = 64  # photos decoded ahead of the file

Square = tuple[NDArray[np.uint8], float]  # pixels [side, side, 3], width / height of the photo


@dataclass(frozen=True)
class View:
    """A function from a photo to a square; `name` identifies all that the pixels depend on."""

    name: str
    side: int  # pixels
    make: Callable[[Image.Image], Square]  # of the wire image

    @property
    def bytes_each(self) -> int:
        """Bytes of one photo."""
        return self.side * self.side * 3


def whole_view(side: int) -> View:
    """Return the view for training: the whole photo squeezed into a square, to be cropped later.

    The photo's aspect is kept beside it, and augmentation undoes the squeezing.
    """

    def make(wire: Image.Image) -> Square:
        square = wire.resize((side, side), Image.Resampling.BICUBIC, reducing_gap=None)
        return np.asarray(square, np.uint8), wire.width / wire.height

    return View(f"whole-{side}", side, make)


def training_view(config: PreprocessConfig) -> View:
    """Return the view that training crops are cut from, a little larger than the input."""
    return whole_view(round(config.size * LARGER / 4) * 4)


def served_view(config: PreprocessConfig) -> View:
    """Return the view for measuring: a photo preprocessed as in serving."""

    def make(wire: Image.Image) -> Square:
        return prepare(wire, config), 1.0

    name = f"served-{config.size}-{config.crop_pct}-{config.interpolation}"
    return View(name, config.size, make)


@dataclass(frozen=True)
class Cached:
    """Where the cache holds the photos of a split, in their order."""

    files: list[Path]  # of squares, one after the other
    side: int  # pixels
    places: NDArray[np.int64]  # (photos, 2): index of the file, row in it
    aspects: NDArray[np.float32]  # (photos,), width / height

    def __len__(self) -> int:
        return len(self.places)

    def rows(self, chosen: Sequence[int]) -> NDArray[np.uint8]:
        """Read the chosen photos from the files: uint8 [chosen, side, side, 3].

        The files are not mapped: the pages that a process has touched of a mapped file count as its
        memory, in the end the whole cache, and the system may kill it for that.

        Raises
        ------
        OSError
            A file was removed or truncated since the cache was opened.
        """
        squares = np.empty((len(chosen), self.side, self.side, 3), np.uint8)
        for square, (file, row) in zip(squares, self.places[list(chosen)].tolist(), strict=True):
            with self.files[file].open("rb", buffering=0) as pixels:
                pixels.seek(row * square.nbytes)
                if pixels.readinto(square.data) != square.nbytes:
                    raise OSError(
                        5, "the cache was truncated while it was read", str(self.files[file])
                    )
        return squares


def open_cache(
    folder: Path,
    view: View,
    photos: Sequence[Path],
    threads: int,
    load: LoadPhoto = load_photo,
) -> Cached:
    """Return `photos` as `view` makes them; those not in `folder` yet are decoded.

    Raises
    ------
    PhotoError
        A photo cannot be decoded; the message names it.
    OSError
        A full disk, for one.
    """
    folder = folder / "pixels" / f"v{_VERSION}" / view.name
    with ThreadPoolExecutor(threads) as pool:
        digests = list(pool.map(sha256, photos))
        missing = dict(zip(digests, photos, strict=True))
        for digest in _listed(folder, view):
            missing.pop(digest, None)
        if missing:
            squares = _decoded(missing.values(), view, load, pool, max(_CHUNK, threads))
            _write(folder, list(missing), squares)
    listed = _listed(folder, view)
    files: dict[Path, int] = {}
    for digest in digests:
        files.setdefault(listed[digest][0], len(files))
    rows = [(files[listed[digest][0]], listed[digest][1]) for digest in digests]
    return Cached(
        list(files),
        view.side,
        np.array(rows, np.int64).reshape(-1, 2),
        np.array([listed[digest][2] for digest in digests], np.float32),
    )


def _listed(folder: Path, view: View) -> dict[str, tuple[Path, int, float]]:
    """Return {digest: (file, row, aspect)} of the photos in `folder`."""
    listed: dict[str, tuple[Path, int, float]] = {}
    for path in sorted(folder.glob("*.json")):
        pixels = path.with_suffix(".u8")
        try:
            entries = json.loads(path.read_text("utf-8"))
            whole = pixels.stat().st_size == len(entries) * view.bytes_each
        except (OSError, ValueError, TypeError):
            whole = False
        if not whole:  # broken, or of another program: its photos are decoded again
            continue
        for row, (digest, aspect) in enumerate(entries):
            listed[digest] = (pixels, row, aspect)
    return listed


def _decoded(
    paths: Iterable[Path], view: View, load: LoadPhoto, pool: ThreadPoolExecutor, chunk: int
) -> Iterator[Square]:
    """Yield the photos' squares in order, decoded at most `chunk` ahead."""
    remaining = iter(paths)
    while batch := list(islice(remaining, chunk)):
        yield from pool.map(lambda path: view.make(load(path)), batch)


def _write(folder: Path, digests: list[str], squares: Iterator[Square]) -> None:
    name = hashlib.sha256("".join(sorted(digests)).encode()).hexdigest()[:20]
    aspects = []
    with (
        whole_file(folder / f"{name}.u8") as temporary,
        temporary.open("wb") as file,
        Progress("decoding photos", len(digests)) as progress,
    ):
        for pixels, aspect in squares:
            file.write(np.ascontiguousarray(pixels).tobytes())
            aspects.append(aspect)
            progress.update()
        file.flush()
        os.fsync(file.fileno())  # the list below must not outlive pixels that a crash lost
    with whole_file(folder / f"{name}.json") as temporary:
        temporary.write_text(json.dumps(list(zip(digests, aspects, strict=True))), "utf-8")
