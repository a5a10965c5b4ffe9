"""Make the smoke photo, which every deployment classifies: small, real, of a known breed.

It is made from the bullmastiff that PyPI's `foolbox` ships. The file is read from the installed
package; foolbox is not imported, since that would need its dependencies.
"""

import importlib.util
import io
from pathlib import Path

from dogbreeds.package.card import PackageError
from dogbreeds.photos.decode import load_photo

PRETRAINED_BREED = "Bull Mastiff"  # the top breed that the pretrained package must give
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
