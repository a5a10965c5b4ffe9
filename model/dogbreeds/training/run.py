"""Everything about a finished training that its report shows."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from PIL import Image


@dataclass(frozen=True)
class TrainingRun:
    """The results, settings and inputs of one training."""

    evaluation: Mapping[str, Any]  # the contents of evaluation.json
    audit: Mapping[str, Any]  # of audit.json
    card: Mapping[str, Any]  # of card.json
    # for each epoch: epoch, train_loss, valid_loss, train_top1, valid_top1, seconds
    history: Sequence[Mapping[str, Any]]
    settings: Mapping[str, Any]
    versions: Mapping[str, str]  # of the libraries, by name
    # loads a photo named in evaluation.json or audit.json; may raise OSError or PhotoError
    photos: Callable[[str], Image.Image]
    findings: Sequence[Mapping[str, Any]] = ()  # the watch's, as `Finding.as_json` gives them
    # of the search: number, parameters, loss (None where ended early), epochs
    trials: Sequence[Mapping[str, Any]] = ()
    date: str = ""  # of the start, in words
    command: str = ""  # that repeats the training
    next_commands: Sequence[str] = ()  # what can be done with the package
