"""Lay the heat maps of answers over their photos: `kennel classify --explain FOLDER`."""

import base64
import binascii
import io
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from PIL import Image

from kennel import shrink
from kennel.answer import Answer
from kennel.errors import KennelError
from kennel.photo_files import printable

ENDING = ".explained.jpg"  # behind the photo's whole name, so that no photo is overwritten
_QUALITY = 90  # of the JPEG


def make_folder(folder: Path) -> None:
    """Make the folder for the pictures, before anything is classified.

    Raises
    ------
    KennelError
        It is a file.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise KennelError(
            f"--explain {printable(folder)} is no folder: name one for the pictures, which is made "
            "if it does not exist"
        ) from error


def write_pictures(
    answers: Sequence[Answer], folder: Path, say: Callable[[str], object]
) -> list[Answer]:
    """Write each photo that shows a dog with its heat map: red where it supports the first breed.

    Parameters
    ----------
    folder
        Exists. The pictures lie in it as the photos do below the folder that all of them share.
    say
        Called with a sentence for each photo that gets no picture although it has a dog.

    Returns
    -------
    list of Answer
        The answers, in whose `explain` the path of the ``picture`` replaces the ``heat_map``.
    """
    absolute = [Path(os.path.abspath(answer.photo)) for answer in answers]  # noqa: PTH100  # no links resolved
    shared = Path(os.path.commonpath([photo.parent for photo in absolute])) if answers else folder
    explained = []
    for answer, photo in zip(answers, absolute, strict=True):
        picture = folder / photo.relative_to(shared)
        explained.append(_explained(answer, picture.with_name(picture.name + ENDING), say))
    return explained


def overlay(photo: bytes, heat_map: bytes) -> Image.Image:
    """Lay a heat map over the upright photo, which is made as small as the API's limits ask for.

    Parameters
    ----------
    photo
        A JPEG, PNG or WebP.
    heat_map
        A PNG with the photo's aspect, transparent where it is cold.

    Raises
    ------
    CannotShrink, OSError, SyntaxError, ValueError
        Pillow cannot decode one of them.
    """
    with Image.open(io.BytesIO(heat_map), formats=["PNG"]) as warm:
        small = Image.open(io.BytesIO(shrink.shrink(photo))).convert("RGBA")
        over = warm.convert("RGBA").resize(small.size, Image.Resampling.BICUBIC)
    return Image.alpha_composite(small, over).convert("RGB")


def _explained(answer: Answer, file: Path, say: Callable[[str], object]) -> Answer:
    if not answer.is_dog:
        return replace(answer, explain=None)
    name = printable(answer.photo)
    if not answer.explain:
        say(f"no picture of {name}: this model cannot tell which parts spoke for the breed")
        return answer
    try:
        heat_map = base64.b64decode(answer.explain["heat_map"], validate=True)
        picture = overlay(Path(answer.photo).read_bytes(), heat_map)
    except (OSError, SyntaxError, LookupError, TypeError, ValueError, binascii.Error) as error:
        say(f"no picture of {name}: the photo or its heat map cannot be opened ({error})")
        return replace(answer, explain=None)
    file.parent.mkdir(parents=True, exist_ok=True)
    picture.save(file, quality=_QUALITY)
    return replace(answer, explain={"breed": answer.explain["breed"], "picture": str(file)})
