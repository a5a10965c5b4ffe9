"""Hold what every job runs with: the account's clients, the clock and the folder of logs."""

from dataclasses import dataclass
from pathlib import Path

from kennel.cloud.runtime.clock import Clock
from kennel.cloud.sagemaker.account import Account


@dataclass(frozen=True)
class JobContext:
    """What every job runs with.

    Attributes
    ----------
    account
        Makes AWS clients that have the permissions of the job's role.
    logs
        Folder for local copies of the jobs' output.
    """

    account: Account
    clock: Clock
    logs: Path
