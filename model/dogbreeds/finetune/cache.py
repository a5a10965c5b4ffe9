"""Photos decoded once, into files of uint8 pixels that every later epoch and run reads.

A file holds the photos that one run met for the first time, each as a square of `side` pixels, and
lists them by the SHA-256 of their bytes. So a photo that moved is found, one that changed is
decoded anew, and two runs at once write two files and not one broken one. Files are whole or not
there: pixels first, then the list without which nobody reads them.
"""

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dogbreeds.package.archive import whole_file
from dogbreeds.package.card import PreprocessConfig
from dogbreeds.photos.decode import PhotoError, wire_image
from dogbreeds.photos.preprocess import prepare
from dogbreeds.training.progress import Progress

_VERSION = 1  # raise it when photo.py, preprocess.py or `whole_view` change what a photo becomes
LARGER = 1.15  # a crop of three quarters of the photo's area keeps its detail
_CHUNK = 64  # photos decoded ahead of the file

Square = tuple[NDArray[np.uint8], float]  # pixels [side, side, 3], width / height of the photo


@dataclass(frozen=True)
class View:
    """A way to make a square of a photo; `name` says all that it depends on."""

    name: str
    side: int  # pixels
    make: Callable[[bytes], Square]

    @property
    def bytes_each(self) -> int:
        """Bytes of one photo."""
        return self.side * self.side * 3


def whole_view(side: int) -> View:
    """Return the view for training: the whole photo squeezed into a square, crops come later.

    The photo's aspect is kept beside it, and augmentation takes the squeezing back.
    """

    def make(body: bytes) -> Square:
        wire = wire_image(body)
        square = wire.resize((side, side), Image.Resampling.BICUBIC, reducing_gap=None)
        return np.asarray(square, np.uint8), wire.width / wire.height

    return View(f"whole-{side}", side, make)


def training_view(step: PreprocessConfig) -> View:
    """Return the view that training crops are cut from, a little larger than the input."""
    return whole_view(round(step.size * LARGER / 4) * 4)


def served_view(step: PreprocessConfig) -> View:
    """Return the view for measuring: exactly what serving makes of a photo."""

    def make(body: bytes) -> Square:
        return prepare(wire_image(body), step), 1.0

    return View(f"served-{step.size}-{step.crop_pct}-{step.interpolation}", step.size, make)


@dataclass(frozen=True)
class Cached:
    """The photos of a data set in the cache, in their order."""

    files: list[Path]  # of squares, one after the other
    side: int  # pixels
    places: NDArray[np.int64]  # (photos, 2): which file, which row
    aspects: NDArray[np.float32]  # (photos,), width / height

    def __len__(self) -> int:
        return len(self.places)

    def rows(self, chosen: Sequence[int]) -> NDArray[np.uint8]:
        """Return uint8 [chosen, side, side, 3].

        Read, not mapped: what a process has touched of a mapped file counts as its memory, in the
        end all of the cache, and so it would for whoever ends a process that takes too much.

        Raises
        ------
        OSError
            Somebody has removed or cut a file since it was opened.
        """
        found = np.empty((len(chosen), self.side, self.side, 3), np.uint8)
        for square, (file, row) in zip(found, self.places[list(chosen)].tolist(), strict=True):
            with self.files[file].open("rb", buffering=0) as pixels:
                pixels.seek(row * square.nbytes)
                if pixels.readinto(square.data) != square.nbytes:
                    raise OSError(5, "the cache was cut while it was read", str(self.files[file]))
        return found


def open_cache(folder: Path, view: View, photos: Sequence[Path], threads: int) -> Cached:
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
        digests = list(pool.map(_digest, photos))
        todo = dict(zip(digests, photos, strict=True))
        for digest in _listed(folder, view):
            todo.pop(digest, None)
        if todo:
            _decode(folder, view, todo, pool, threads)
    known = _listed(folder, view)
    files: dict[Path, int] = {}
    for digest in digests:
        files.setdefault(known[digest][0], len(files))
    places = [(files[known[digest][0]], known[digest][1]) for digest in digests]
    return Cached(
        list(files),
        view.side,
        np.array(places, np.int64).reshape(-1, 2),
        np.array([known[digest][2] for digest in digests], np.float32),
    )


def _listed(folder: Path, view: View) -> dict[str, tuple[Path, int, float]]:
    """Return {digest: (file, row, aspect)} of what `folder` holds."""
    found: dict[str, tuple[Path, int, float]] = {}
    for path in sorted(folder.glob("*.json")):
        pixels = path.with_suffix(".u8")
        try:
            entries = json.loads(path.read_text("utf-8"))
            whole = pixels.stat().st_size == len(entries) * view.bytes_each
        except (OSError, ValueError, TypeError):
            whole = False
        if not whole:  # not ours, or broken: its photos are decoded anew
            continue
        for row, (digest, aspect) in enumerate(entries):
            found[digest] = (pixels, row, aspect)
    return found


def _decode(
    folder: Path, view: View, todo: dict[str, Path], pool: ThreadPoolExecutor, threads: int
) -> None:
    name = hashlib.sha256("".join(sorted(todo)).encode()).hexdigest()[:20]
    aspects = []
    with (
        whole_file(folder / f"{name}.u8") as temporary,
        temporary.open("wb") as file,
        Progress("decoding photos", len(todo)) as progress,
    ):
        paths = list(todo.values())
        size = max(_CHUNK, threads)
        for start in range(0, len(paths), size):
            squares = pool.map(lambda path: square_of(path, view), paths[start : start + size])
            for pixels, aspect in squares:
                file.write(np.ascontiguousarray(pixels).tobytes())
                aspects.append(aspect)
                progress.step()
        file.flush()
        os.fsync(file.fileno())  # the list below must not outlive pixels that a crash lost
    with whole_file(folder / f"{name}.json") as temporary:
        temporary.write_text(json.dumps(list(zip(todo, aspects, strict=True))), "utf-8")


def square_of(path: Path, view: View) -> Square:
    """Decode one photo.

    Raises
    ------
    PhotoError
        It cannot be decoded; the message names it.
    """
    try:
        return view.make(path.read_bytes())
    except PhotoError as error:
        raise PhotoError(f"{path.name}: {error}") from error


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
