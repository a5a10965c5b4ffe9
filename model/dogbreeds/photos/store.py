"""Decode each photo of a run once, and keep its pixels in a file for everything that reads it.

    with PhotoStore(cache, room=1_000_000_000) as load:
        image = load(path)      # decoded
        image = load(path)      # read from the file

The audit, the features, int8, calibration and evaluation all see the same photos; decoding is what
costs them most. The file has no name, so the system frees it even when the process is killed, and
holds it in memory as far as there is room: the process itself keeps no pixels.
"""

import os
import tempfile
import threading
from pathlib import Path
from types import TracebackType
from typing import IO, NamedTuple, Self

from PIL import Image

from dogbreeds.photos.decode import LoadPhoto, load_photo


class _Stored(NamedTuple):
    offset: int  # bytes
    size: tuple[int, int]  # width and height in pixels

    @property
    def length(self) -> int:
        return 3 * self.size[0] * self.size[1]


class PhotoStore:
    """A thread-safe `LoadPhoto` that caches decoded photos in a temporary file.

    Parameters
    ----------
    folder : Path
        Where the file is made. A folder that cannot be written, or a full disk, costs only speed.
    room : float
        Bytes of pixels that are kept; photos beyond are decoded whenever they are read.
    decode : callable
        Decodes a photo that is not in the file.
    """

    def __init__(self, folder: Path, room: float, decode: LoadPhoto = load_photo) -> None:
        self._decode = decode
        self._room = room
        self._lock = threading.Lock()
        self._stored: dict[Path, _Stored] = {}
        self._file: IO[bytes] | None = None
        self.bytes_stored = 0
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115  # closed by __exit__
        except OSError:
            self._room = 0

    def __call__(self, path: Path) -> Image.Image:
        """Return the photo's wire image, a copy of the caller's own.

        Raises
        ------
        PhotoError, OSError
            See `decode.load_photo`.
        """
        stored = self._stored.get(path)
        if stored and self._file:
            pixels = os.pread(self._file.fileno(), stored.length, stored.offset)
            return Image.frombytes("RGB", stored.size, pixels)
        image = self._decode(path)
        self._keep(path, image)
        return image

    def _keep(self, path: Path, image: Image.Image) -> None:
        pixels = image.tobytes()
        with self._lock:
            if self._file is None or self.bytes_stored + len(pixels) > self._room:
                return
            stored = _Stored(self.bytes_stored, image.size)
            self.bytes_stored += len(pixels)
        try:
            written = os.pwrite(self._file.fileno(), pixels, stored.offset)
        except OSError:
            written = 0
        if written == len(pixels):
            self._stored[path] = stored
        else:  # a full disk
            self._room = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._file:
            self._file.close()
            self._file = None
