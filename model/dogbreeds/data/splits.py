"""A split for photos that come without one, by their content and by nothing else.

The same photo goes to the same split on every machine, under every name, and adding photos moves
no other one, except in a breed so small that a split would get none.
"""

import hashlib
import os
from pathlib import Path

SHARE = {"test": 0.15, "valid": 0.15}  # of the photos, where a split must be made


def split_by_digest(digests: set[str], missing: tuple[str, ...]) -> dict[str, str]:
    """Return the split of each of one breed's digests (hex of sha256).

    The digest read as a number in 0..1 decides: below 0.15 test, below 0.30 valid, else train.
    A breed of at least one photo more than there are splits to fill fills each of them.
    """
    chosen: dict[str, str] = {}
    for digest in sorted(digests):
        place, chosen[digest] = int(digest[:13], 16) / 16**13, "train"
        lower = 0.0
        for split, share in SHARE.items():
            if split in missing and lower <= place < lower + share:
                chosen[digest] = split
            lower += share
    for split in SHARE:
        spare = [digest for digest in sorted(chosen) if chosen[digest] == "train"]
        if split in missing and split not in chosen.values() and len(spare) > 1:
            chosen[spare[0]] = split
    return chosen


def digest_of(path: Path) -> str:
    """Return the sha256 of a file's bytes, in hex; of its name, if it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:  # the audit lists it as unreadable; until then its name stands for it
        return hashlib.sha256(os.fsencode(path.name)).hexdigest()
