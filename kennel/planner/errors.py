"""What a plan cannot be made from, in one sentence."""

from kennel.errors import KennelError


class BadPlan(KennelError):  # noqa: N818 - it reads as what happened
    """A profile, a setting or a price that cannot be planned with."""
