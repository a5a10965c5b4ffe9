"""The result of a check."""

from dataclasses import dataclass
from enum import StrEnum

from botocore.exceptions import BotoCoreError, ClientError

from kennel.aws import reason


class Level(StrEnum):
    """How bad a finding is."""

    BLOCKS = "blocks"  # the deployment, or the first release, would fail
    WARNS = "warns"  # something later would fail
    UNKNOWN = "could not check"
    FINE = "fine"


@dataclass(frozen=True)
class Finding:
    """The result of one check.

    Attributes
    ----------
    check
        The subject, such as the name of a quota.
    found
        The state of the account.
    remedy
        What to do; empty if nothing needs to be done.
    """

    check: str
    level: Level
    found: str
    remedy: str = ""


def unknown(check: str, error: BotoCoreError | ClientError) -> Finding:
    """Return the finding of a check that could not be made, with the error's reason."""
    return Finding(
        check, Level.UNKNOWN, reason(error), "check it by hand, or run this again with more rights"
    )
