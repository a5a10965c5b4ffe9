"""A training's state in a file, whole or not there, that only the same training takes up again.

It holds tensors and plain values (`weights_only` reads it: no code in it runs). There is no random
state in it, since plan.py needs none.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError  # a cut file's error; nothing is unpickled
from typing import Any

import torch

from dogbreeds.package.archive import whole_file

NAME = "checkpoint.pt"


@dataclass
class State:
    """Where a training is."""

    step: int  # steps done
    model: dict[str, Any]
    averaged: dict[str, Any]  # the weights' moving average
    optimiser: dict[str, Any]
    history: list[dict[str, Any]]  # of the epochs done
    best: dict[str, Any]  # {"loss", "epoch", "weights"} of the lowest valid loss, {} before
    sums: list[float]  # loss and share told right, summed over the steps of this epoch
    seconds: float  # trained, over all starts


def key_of(*parts: Any) -> str:
    """Return a digest of what a training is: settings, photos, start."""
    text = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def save(folder: Path, key: str, state: State) -> None:
    """Write `folder`/checkpoint.pt; the old one stays until the new one is whole.

    Raises
    ------
    OSError
        A full disk, for one.
    """
    with whole_file(folder / NAME) as temporary:
        try:
            torch.save({"key": key, **vars(state)}, temporary)
        except RuntimeError as error:  # all that torch says of a full disk is "unexpected pos"
            raise OSError(28, "the checkpoint cannot be written", str(folder)) from error


def load(folder: Path, key: str) -> State | None:
    """Return the state that the training of this key left, or None.

    A file that is broken, or of another training, is left alone: the next `save` replaces it.
    """
    path = folder / NAME
    if not path.is_file():
        return None
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, ValueError, EOFError, KeyError, UnpicklingError):
        return None
    if not isinstance(found, dict) or found.pop("key", None) != key:
        return None
    return State(**found)


def remove(folder: Path) -> None:
    """Remove the checkpoint of a training that has ended well."""
    (folder / NAME).unlink(missing_ok=True)
