"""What a check says."""

from dataclasses import dataclass
from enum import StrEnum

from botocore.exceptions import BotoCoreError, ClientError

from kennel.aws import reason


class Level(StrEnum):
    """How bad it is."""

    BLOCKS = "blocks"  # the deploy, or the first release, would fail
    WARNS = "warns"  # something later would fail
    UNKNOWN = "could not check"  # which is not the same as fine
    FINE = "fine"


@dataclass(frozen=True)
class Finding:
    """One line of the list.

    Attributes
    ----------
    check
        What was looked at.
    found
        What is there.
    remedy
        What to do; empty where nothing needs doing.
    """

    check: str
    level: Level
    found: str
    remedy: str = ""


def unknown(check: str, error: BotoCoreError | ClientError) -> Finding:
    """Return that a check could not be made, with what AWS, or the way to it, said."""
    return Finding(
        check, Level.UNKNOWN, reason(error), "find out by hand, or ask again with more rights"
    )
