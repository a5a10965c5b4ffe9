"""The errors of the operator's commands, each one sentence.

KennelError            the command line prints it after "kennel: " and exits with 1
└── CannotStart        a part of the offline cloud did not start
"""


class KennelError(Exception):
    """A sentence: what was received, what was expected, what to do."""


class CannotStart(KennelError):  # noqa: N818 - it reads as what happened
    """A part of the offline cloud did not start."""
