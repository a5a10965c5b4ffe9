"""Find photos that show the same picture although their bytes differ.

They may have been resized, saved again, brightened or mirrored.

Each photo gets a perceptual hash (pHash): the signs of 128 low frequencies of the cosine
transform of its 32 x 32 grey picture. Two photos are near-duplicates when at most 22 of the 128
differ, or do after mirroring one of them.

Measured on 1,530 different dog photos (1.2 million pairs, mirrored ones too): no two differ in
fewer than 35 bits. 200 of these made smaller, brighter (1.25), paler, grey, saved at JPEG quality
30, or mirrored: all found; cropped by 3 % on each side or turned by 2 degrees: nine in ten.

Pairs are found through buckets and not by comparing all with all: `TABLES` times, some of the
bits, chosen at random, name the bucket, more bits the more photos there are, so that a bucket
holds about one picture that does not match and the work grows with n log n.

    python -m dogbreeds.photos.near_duplicates PHOTO PHOTO ...     # prints those that are alike
"""

import math
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dogbreeds.photos.decode import PhotoError, load_photo

BITS = 128
MAX_DIFFERENT = 22  # bits; see above
TABLES = 48  # at 20 different bits of 128 and 14 bits a bucket, 99 % of pairs share some bucket
_SIDE = 32  # pixels
_FLAT = 2.0  # standard deviation of grey levels; below it the signs are those of noise
_NEIGHBOURS = 32  # compared within a bucket; what a longer one misses, other tables or chains find
_SEED = 20_240_229  # the buckets are the same in every run

# Frequencies (row, column) from low to high, without the mean.
_FREQUENCIES = sorted(
    ((row, column) for row in range(_SIDE) for column in range(_SIDE) if row + column),
    key=lambda place: (sum(place), place),
)[:BITS]
_COSINES = np.cos(
    np.pi * np.outer(np.arange(_SIDE), 2 * np.arange(_SIDE) + 1) / (2 * _SIDE)
).astype(np.float32)
# Mirroring left to right turns the sign of the odd columns' frequencies.
_MIRROR = np.packbits(np.array([column % 2 for _, column in _FREQUENCIES], dtype=bool))

Hash = NDArray[np.uint8]  # shape (16,)


def perceptual_hash(image: Image.Image) -> Hash | None:
    """Hash one RGB picture.

    Returns
    -------
    ndarray of uint8, shape (16,), or None
        128 bits; None for a picture of one colour, which has no structure to compare.
    """
    grey = image.convert("L").resize((_SIDE, _SIDE), Image.Resampling.BOX)
    pixels = np.asarray(grey, dtype=np.float32)
    if pixels.std() < _FLAT:
        return None
    spectrum = _COSINES @ pixels @ _COSINES.T
    rows, columns = zip(*_FREQUENCIES, strict=True)
    return np.packbits(spectrum[list(rows), list(columns)] > 0)


@dataclass(frozen=True)
class _Hashes:
    packed: NDArray[np.uint8]  # [n, 16]: the distinct hashes
    owners: list[list[int]]  # which pictures have each


def near_duplicates(hashes: list[Hash | None]) -> list[list[int]]:
    """Return the groups of pictures that show the same, by their indices in `hashes`.

    A picture is in a group if it is near any member: a series of shots may hold two that differ
    by more than ``MAX_DIFFERENT``.
    """
    distinct = _distinct(hashes)
    count = len(distinct.owners)
    parent = list(range(count))

    def root_of(index: int) -> int:
        while parent[index] != index:
            parent[index] = parent[parent[index]]
            index = parent[index]
        return index

    for first, second in _near(distinct.packed):
        parent[root_of(second % count)] = root_of(first % count)
    groups: dict[int, list[int]] = {}
    for index in range(count):
        groups.setdefault(root_of(index), []).extend(distinct.owners[index])
    return sorted(sorted(group) for group in groups.values() if len(group) > 1)


def _distinct(hashes: list[Hash | None]) -> _Hashes:
    owners: dict[bytes, list[int]] = {}
    for index, value in enumerate(hashes):
        if value is not None:
            owners.setdefault(value.tobytes(), []).append(index)
    packed = np.frombuffer(b"".join(owners), dtype=np.uint8).reshape(-1, BITS // 8)
    return _Hashes(packed, list(owners.values()))


def _near(packed: NDArray[np.uint8]) -> set[tuple[int, int]]:
    """Return pairs of rows that are near; row n + i stands for the mirrored row i."""
    count = len(packed)
    if count < 2:  # noqa: PLR2004  # nothing to compare
        return set()
    rows = np.concatenate([packed, packed ^ _MIRROR])
    bits = np.unpackbits(rows, axis=1)
    width = min(max(8, math.ceil(math.log2(2 * count))), 62)
    weights = 1 << np.arange(width, dtype=np.int64)
    random = np.random.default_rng(_SEED)
    pairs: set[tuple[int, int]] = set()
    for _ in range(TABLES):
        chosen = random.choice(BITS, width, replace=False)
        keys = bits[:, chosen].astype(np.int64) @ weights
        order = np.argsort(keys, kind="stable")
        for step in range(1, _NEIGHBOURS + 1):  # neighbours in order, then those two apart, ...
            first, second = order[:-step], order[step:]
            same = keys[first] == keys[second]
            if not same.any():
                break
            first, second = first[same], second[same]
            different = np.bitwise_count(rows[first] ^ rows[second]).sum(axis=1, dtype=np.int64)
            near = (different <= MAX_DIFFERENT) & (first % count != second % count)
            pairs.update(zip(first[near].tolist(), second[near].tolist(), strict=True))
    return pairs


def main() -> None:
    """Print the near-duplicates among the photos named on the command line."""
    photos = sys.argv[1:]
    if not photos:
        sys.exit("usage: python -m dogbreeds.photos.near_duplicates PHOTO PHOTO ...")
    try:
        hashes = [perceptual_hash(load_photo(Path(photo))) for photo in photos]
    except (PhotoError, OSError) as error:
        sys.exit(str(error))
    for group in near_duplicates(hashes):
        print(" = ".join(photos[index] for index in group))


if __name__ == "__main__":
    main()
