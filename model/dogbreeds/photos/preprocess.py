"""Crop and resize the wire to the network's input, as the package's card says.

Training, packaging and serving all call `prepare`, so that they cannot differ. Normalisation
happens inside the network, which therefore takes uint8.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dogbreeds.package.card import PackageError, PreprocessConfig

_FILTERS = {"bicubic": Image.Resampling.BICUBIC, "bilinear": Image.Resampling.BILINEAR}


def prepare(wire: Image.Image, config: PreprocessConfig) -> NDArray[np.uint8]:
    """Cut the centred square and bring it to the network's size, in one resampling.

    Parameters
    ----------
    wire : PIL.Image.Image
        The wire, as `decode.wire_image` makes it: mode RGB, any size from 1 x 1.
    config : PreprocessConfig
        The card's `input`.

    Returns
    -------
    ndarray of uint8, shape (config.size, config.size, 3)

    Raises
    ------
    PackageError
        The card names an interpolation that is not known here.
    """
    if config.interpolation not in _FILTERS:
        raise PackageError(
            f"card.json names the interpolation {config.interpolation!r}, "
            f"expected one of {', '.join(_FILTERS)}."
        )
    width, height = wire.size
    side = min(height, width) * config.crop_pct
    left, top = (width - side) / 2, (height - side) / 2
    # box= takes fractions of a pixel, so cropping and resizing blur the photo once, not twice.
    square = wire.resize(
        (config.size, config.size),
        _FILTERS[config.interpolation],
        box=(left, top, left + side, top + side),
    )
    return np.asarray(square, dtype=np.uint8)
