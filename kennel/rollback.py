"""`kennel rollback`: release the model again that was live before the present one."""

from __future__ import annotations

from kennel.deployed import Target
from kennel.errors import KennelError
from kennel.progress import OnState
from kennel.release import Released, run_release
from kennel.releases import release_before, releases


def roll_back(target: Target, on_state: OnState) -> Released:
    """Release the model that was live before the present one, and return it.

    Raises
    ------
    KennelError
        If nothing is live, there is none before it, or the execution fails.
    """
    past = list(releases(target.connect("sagemaker"), target.endpoint))
    if not past:
        raise KennelError(
            f"nothing is live on the endpoint {target.endpoint}, so there is nothing to roll back: "
            "`kennel release PACKAGE` releases a model"
        )
    before = release_before(past)
    if before is None:
        raise KennelError(
            f"no model was live on the endpoint {target.endpoint} before {past[0].as_input}: "
            "`kennel release PACKAGE` releases another one"
        )
    return run_release(target, before.as_input, on_state)
