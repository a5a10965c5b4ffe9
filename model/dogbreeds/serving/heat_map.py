"""Draw the parts of a photo that support a breed, as a small PNG to lay over the photo."""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dogbreeds.evaluation.metrics import Floats

SIDE = 128  # pixels of the longer side; the network's own map has some 9 cells a side
COLOUR = (255, 64, 0)  # red
MAX_OPACITY = 200  # of 255, where it is warmest: the photo stays visible


def warmth(breed_map: Floats, probabilities: Floats) -> Floats:
    """Return what each cell adds to the log-odds of the most probable breed, from 0 to 1.

    That is the class activation map of the breed, less those of the others by their probability:
    what speaks for all dogs alike speaks for none of them. Negative shares are 0.

    Parameters
    ----------
    breed_map
        [breeds, height, width], the network's third output.
    probabilities
        [breeds].
    """
    breed = int(probabilities.argmax())
    others = probabilities.copy()
    others[breed] = 0
    rest = np.tensordot(others / max(others.sum(), np.finfo(float).tiny), breed_map, 1)
    share: Floats = np.maximum(breed_map[breed] - rest, 0)
    return share / max(float(share.max()), np.finfo(float).tiny)


def heat_map(cells: Floats, photo: tuple[int, int], crop_pct: float) -> bytes:
    """Return a PNG with the photo's aspect, red where it is warm and transparent where it is not.

    Parameters
    ----------
    cells
        [height, width], 0 to 1, of the centred square that the network looks at.
    photo
        Width and height.
    crop_pct
        The square's share of the photo's shorter side.
    """
    scale = SIDE / max(photo)
    width, height = (max(1, round(side * scale)) for side in photo)
    square = max(1, round(min(width, height) * crop_pct))
    grey = Image.fromarray((cells * 255).round().astype(np.uint8))
    indices = Image.new("L", (width, height))
    warm = grey.resize((square, square), Image.Resampling.BICUBIC)
    indices.paste(warm, ((width - square) // 2, (height - square) // 2))
    indices.putpalette(COLOUR * 256)  # the mode becomes P: a byte for each pixel
    opacity = bytes(index * MAX_OPACITY // 255 for index in range(256))
    buffer = io.BytesIO()
    indices.save(buffer, "PNG", transparency=opacity, optimize=True)
    return buffer.getvalue()


def opacities(png: bytes) -> NDArray[np.uint8]:
    """Return how warm each pixel of a heat map is, [height, width], from 0 to ``MAX_OPACITY``."""
    with Image.open(io.BytesIO(png)) as image:
        return np.asarray(image.convert("RGBA").getchannel("A"))
