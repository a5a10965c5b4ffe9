"""Atomic checkpoints, resumable only by an identical run.

A checkpoint holds tensors and plain values, and is loaded with `weights_only`, so that no code in
it runs. It holds no random state, since plan.py needs none.
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
    """The state of a training between two steps."""

    step: int  # steps done
    model: dict[str, Any]
    averaged: dict[str, Any]  # the weights' moving average
    optimiser: dict[str, Any]
    history: list[dict[str, Any]]  # of the epochs done
    best: dict[str, Any]  # {"loss", "epoch", "weights"} of the lowest valid loss, {} before
    sums: list[float]  # loss and accuracy, summed over the steps of this epoch
    seconds: float  # trained, over all starts


def key_of(*parts: Any) -> str:
    """Return a digest that identifies a run by its settings, photos and initial weights."""
    text = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def save(folder: Path, key: str, state: State) -> None:
    """Write `folder`/checkpoint.pt; the old one stays until the new one is complete.

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
    """Return the state that the run of this key saved, or None.

    A file that is broken, or of another run, is left alone: the next `save` replaces it.
    """
    path = folder / NAME
    if not path.is_file():
        return None
    try:
        values = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, ValueError, EOFError, KeyError, UnpicklingError):
        return None
    if not isinstance(values, dict) or values.pop("key", None) != key:
        return None
    return State(**values)


def remove(folder: Path) -> None:
    """Remove the checkpoint of a run that has succeeded."""
    (folder / NAME).unlink(missing_ok=True)
