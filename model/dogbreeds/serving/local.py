"""Classify photos with a model package in this process, as its endpoint would.

    from dogbreeds import load

    model = load("trained/model.tar.gz")
    answer = model.classify("photo.jpg")
    answers = model.classify(["a.jpg", photo_bytes, pillow_image])

PyTorch is imported only for a package without a compiled network, or where OpenVINO is missing.
"""

import os
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from io import IOBase
from pathlib import Path
from typing import IO, Literal, NotRequired, TypedDict, cast, overload

from PIL import Image, JpegImagePlugin

from dogbreeds.package.archive import unpacked
from dogbreeds.package.card import PackageError
from dogbreeds.photos.decode import PhotoError, wire_image
from dogbreeds.photos.decoding import to_wire
from dogbreeds.serving import inference
from dogbreeds.serving.parameters import Parameters

__all__ = [
    "Answer",
    "BreedProbability",
    "Classifier",
    "PackageError",
    "Photo",
    "PhotoError",
    "load",
]

Photo = str | os.PathLike[str] | bytes | Image.Image
MAX_BYTES = 300_000_000  # of a file that is read; the largest photos of cameras have 200,000,000

# What Pillow raises when it decodes or converts: undocumented.
_NO_PIXELS = (OSError, EOFError, SyntaxError, ValueError, ZeroDivisionError)


class BreedProbability(TypedDict):
    """A breed and its calibrated probability over all breeds of the model."""

    breed: str
    probability: float


class Explanation(TypedDict):
    """The parts of a photo that support its first breed."""

    breed: str
    heat_map: str  # a PNG in base64, to lay over the upright photo: red where it is warm


class Answer(TypedDict):
    """What a model says about a photo, in the form of the API's answer."""

    model: str  # name and version of the package
    is_dog: bool  # `dog` is "yes" or "perhaps"
    dog: Literal["yes", "perhaps", "no"]
    dog_score: float  # 0..1; `dog` compares it with the two thresholds of the package
    breeds: list[BreedProbability]  # the five most probable, or all if there are fewer
    likely: NotRequired[list[str]]  # the smallest set of breeds with the right one in 90 %
    explain: NotRequired[Explanation]  # where it was asked for
    took_ms: float  # decoding and network


class Classifier:
    """A loaded model; any thread may call it. `load` makes it.

    Attributes
    ----------
    name : str
        Name and version of the package, as in `Answer`.
    breeds : list of str
        All breeds that it knows.
    """

    def __init__(self, model: inference.Model) -> None:
        self._model = model
        self.name = model.label
        self.breeds = [entry.breed for entry in model.breeds]

    @overload
    def classify(  # type: ignore[overload-overlap]  # of str
        self, photos: Photo, *, top: int | None = None, explain: bool = False
    ) -> Answer: ...
    @overload
    def classify(
        self, photos: Iterable[Photo], *, top: int | None = None, explain: bool = False
    ) -> list[Answer]: ...
    def classify(
        self, photos: Photo | Iterable[Photo], *, top: int | None = None, explain: bool = False
    ) -> Answer | list[Answer]:
        """Classify a photo, or several.

        Parameters
        ----------
        photos
            A path, the bytes of a JPEG, PNG or WebP, or a Pillow image; or a list of these, which
            is decoded on all cores.
        top : int, optional
            Breeds in an answer, from 1 to ``len(self.breeds)``; 5 without it, or all if there are
            fewer.
        explain : bool
            Add `explain`: a heat map of the parts that spoke for the first breed. Packages that
            cannot make one, because they are older or their backbone has no feature map, leave it
            out.

        Returns
        -------
        Answer or list of Answer
            One for each photo, in their order, and the same alone as in a list.

        Raises
        ------
        PhotoError
            The API would refuse the photo, and in the same words; of several, the first one.
        OSError
            A file cannot be read.
        PackageError
            The network's answer is not a number, so its weights are broken.
        TypeError
            It is none of these types.
        ValueError
            The model knows fewer breeds than `top`.
        """
        if top is not None and not 1 <= top <= len(self.breeds):
            raise ValueError(f"top is {top}, expected 1 to {len(self.breeds)}, the model's breeds.")
        asked = Parameters(top, explain)
        if isinstance(photos, (str, os.PathLike, bytes, Image.Image)):
            return self._classify(photos, asked)
        # these can be iterated over, but what comes out is no photo
        if not isinstance(photos, Iterable) or isinstance(photos, (bytearray, memoryview, IOBase)):
            raise _no_photo(photos)
        with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
            return list(pool.map(lambda photo: self._classify(photo, asked), photos))

    def _classify(self, photo: Photo, asked: Parameters) -> Answer:
        started = time.perf_counter()
        wires = inference.Photo([wire_of(photo)], several=False, started=started, asked=asked)
        return cast("Answer", inference.predict_fn(wires, self._model))


def load(package: str | os.PathLike[str], threads: int = 0) -> Classifier:
    """Load a model package: `model.tar.gz`, a folder that holds it, or the unpacked package.

    Parameters
    ----------
    threads : int
        Cores that the network may use for a photo; 0 means all.

    Raises
    ------
    PackageError
        It is no package, or a damaged one, or the model no longer knows the package's own photo.
    """
    with unpacked(Path(package)) as folder:
        model = inference.load_model(folder, threads)
        inference.check_smoke_photo(model, folder)
    return Classifier(model)


def wire_of(photo: Photo) -> Image.Image:
    """Decode a photo as the API does: RGB, upright, at most 320 pixels on the shorter side.

    A JPEG that Pillow has opened and not yet decoded is read from its file, and so has the same
    pixels as by its path. Any other Pillow image has those of the PNG that it could be saved as.

    Raises
    ------
    PhotoError, OSError
        As `Classifier.classify`.
    """
    if isinstance(photo, Image.Image):
        file = _undecoded_jpeg(photo)
        if file:
            file.seek(0)
            return wire_image(file.read())
        try:
            return to_wire(photo.copy())
        except _NO_PIXELS as error:
            raise PhotoError(
                f"The Pillow image of mode {photo.mode} and {photo.width} x {photo.height} pixels "
                f"cannot be converted to RGB ({error}); convert it, or open the photo again."
            ) from error
    if isinstance(photo, bytes):
        return wire_image(photo)
    if not isinstance(photo, (str, os.PathLike)):
        raise _no_photo(photo)
    path = Path(photo)
    with path.open("rb") as file:
        body = file.read(MAX_BYTES + 1)
    if len(body) > MAX_BYTES:
        raise PhotoError(f"{path} has more than {MAX_BYTES:,} bytes; save the photo smaller.")
    return wire_image(body)


def _no_photo(received: object) -> TypeError:
    return TypeError(
        f"Received a {type(received).__name__}; a photo is a path, the bytes of a file, or a "
        "Pillow image (Image.fromarray makes one of an array)."
    )


def _undecoded_jpeg(image: Image.Image) -> IO[bytes] | None:
    """Return the file of a JPEG that Pillow has opened only, at the first of its pictures."""
    if not isinstance(image, JpegImagePlugin.JpegImageFile) or not image.tile or image.tell():
        return None
    return image.fp
