"""Hold what every job runs with: the account's clients, the clock and the folder of logs."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kennel.cloud.runtime.clock import Clock
from kennel.cloud.sagemaker.account import Account
from kennel.cloud.sagemaker.image_pulls import CheckPull, allow_every_pull
from kennel.paths import PYTHON


@dataclass(frozen=True)
class JobContext:
    """What every job runs with.

    Attributes
    ----------
    account
        Makes AWS clients that have the permissions of the job's role.
    logs
        Folder for local copies of the jobs' output.
    check_pull
        Refuses an image that the job's role, or its model's, may not pull.
    train_command
        Python's arguments for the main process of a training container: AWS's toolkit.
    """

    account: Account
    clock: Clock
    logs: Path
    check_pull: CheckPull = allow_every_pull
    train_command: Sequence[str | Path] = (PYTHON.parent / "train",)
