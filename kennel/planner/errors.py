"""The error of a plan that cannot be made."""

from kennel.errors import KennelError


class PlanError(KennelError):
    """A traffic profile, a setting or a price is missing or wrong; the message is one sentence."""
