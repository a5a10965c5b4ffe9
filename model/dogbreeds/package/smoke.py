"""The photo that proves a deploy: small, real, and of a breed whose answer is known.

It is made from the bullmastiff that PyPI's `foolbox` ships, which is read where it is installed
(foolbox itself is not imported: it would want its whole set of dependencies).
"""

import importlib.util
import io
from pathlib import Path

from dogbreeds.package.card import PackageError
from dogbreeds.photos.decode import load_photo

PRETRAINED_BREED = "Bull Mastiff"  # what the pretrained package must answer
CREDIT = "smoke.jpg: bullmastiff by Foxcroft Academy, Flickr, CC BY 2.0, made smaller"
_PHOTO = "data/imagenet_00_243.jpg"


def installed_photo() -> Path:
    """Return the path of foolbox's bullmastiff.

    Raises
    ------
    PackageError
        foolbox is not installed.
    """
    spec = importlib.util.find_spec("foolbox")
    if spec is None or spec.origin is None:
        raise PackageError(
            "The smoke photo is missing: run `pip install --no-deps foolbox==3.3.4`."
        )
    return Path(spec.origin).parent / _PHOTO


def smoke_jpeg() -> bytes:
    """Return the smoke photo as a JPEG whose shorter side is 320 pixels or less."""
    buffer = io.BytesIO()
    load_photo(installed_photo()).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()
