"""Read a tree of files as photos of breeds in splits, from the names alone.

Training, evaluation and audit read a disk, Preflight the listing of a bucket. All have this folder:
`model/dogbreeds/data/folders` and `functions/preflight/folders` are copies (tests/test_contract.py
compares them), since neither side may import the other.

`names` reads a name by the words of `words.json` and the breeds of `breeds.json` (ImageNet's dogs,
by synset), `tree` finds which folders are which. Only the standard library is needed.
"""

from .names import (
    SPLITS,
    breed_key,
    is_hidden,
    is_other_file,
    is_photo_name,
    known_breeds,
    letters,
    read_name,
    split_of,
)
from .tree import Arrangement, Placed, arrange

__all__ = [
    "SPLITS",
    "Arrangement",
    "Placed",
    "arrange",
    "breed_key",
    "is_hidden",
    "is_other_file",
    "is_photo_name",
    "known_breeds",
    "letters",
    "read_name",
    "split_of",
]
