"""Train a dog breed classifier on labelled photos and package it for serving.

    python model/train.py FOLDER --out DIR              # 1,400 photos: a minute and a half
    python model/train.py FOLDER --out DIR --tune 20    # search the hyperparameters first
    python model/train.py FOLDER --out DIR --finetune   # then train the whole network

DIR then holds `model.tar.gz`, `report.html`, `evaluation.json`, `audit.json` and `tensorboard/`.
The same script runs in SageMaker, where folders and hyperparameters come as `training/settings.py`
says, and SM_MODEL_DIR receives the package's files. It ends with exit status 0, or with 1 and one
sentence.
"""

import os
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from dogbreeds.training.failure import ending_in_a_sentence, record_failure_reason

if TYPE_CHECKING:
    from dogbreeds.training.settings import TrainingSettings


def main(arguments: Sequence[str] | None = None) -> None:
    """Train with the settings of the command line or of SageMaker."""
    # NumPy's matrices are small here: its second thread only spins. It reads this at its import.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    with record_failure_reason(), ending_in_a_sentence("the training"):
        from dogbreeds.training import start  # noqa: PLC0415
        from dogbreeds.training.settings import parse  # noqa: PLC0415

        flags = list(sys.argv[1:] if arguments is None else arguments)
        settings = parse(flags, os.environ)
        start.check(settings)
        writes = start.is_first(os.environ)  # the other processes write nothing
        with start.only_training_into(settings.out) if writes else nullcontext():
            _train(settings, flags)


def _train(settings: "TrainingSettings", flags: list[str]) -> None:
    # only here, after all checks: these import PyTorch, which takes seconds
    from dogbreeds.finetune.distributed import (  # noqa: PLC0415
        join_process_group,
        restart_under_torchrun,
    )
    from dogbreeds.training.train import train, train_with_first  # noqa: PLC0415

    if not settings.finetune:
        train(settings)
        return
    restart_under_torchrun(Path(__file__).resolve(), flags)
    with join_process_group(os.environ) as world:
        if world.first:
            train(settings, world)
        else:
            train_with_first(settings, world)


if __name__ == "__main__":
    main()
