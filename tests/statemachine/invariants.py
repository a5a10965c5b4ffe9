"""Invariants that hold after every execution, whatever its outcome."""

from dataclasses import dataclass
from typing import Any

from common.registration import registration
from tests.functions.aws_account import ENDPOINT, Account

CHANGING = {"CreateEndpoint", "UpdateEndpoint", "DeleteEndpoint", "DeregisterScalableTarget"}


@dataclass(frozen=True)
class Snapshot:
    """State of the endpoint and its resources."""

    endpoint: tuple[str, str, int] | None  # configuration, status, instances
    scaling: dict[str, Any] | None
    models: frozenset[str]
    configs: frozenset[str]

    @classmethod
    def of(cls, account: Account) -> "Snapshot":
        """Take a snapshot; it advances no change in progress and is not among the calls."""
        description, calls = account.endpoints.endpoint, len(account.calls)
        scaling = registration(account.autoscaling, ENDPOINT)
        del account.calls[calls:]
        endpoint = None
        if description is not None:
            count = description["ProductionVariants"][0]["CurrentInstanceCount"]
            endpoint = (description["EndpointConfigName"], description["EndpointStatus"], count)
        return cls(
            endpoint,
            scaling,
            frozenset(account.endpoints.models),
            frozenset(account.endpoints.configs),
        )


def assert_invariants(
    account: Account, before: Snapshot, execution: dict[str, Any], *, released: bool
) -> None:
    """Assert that the execution left the account as it should.

    Parameters
    ----------
    before
        State at the start of the execution.
    execution
        Its description after its end.
    released
        Whether its model must be live: after success, or as a proven update.
    """
    after = Snapshot.of(account)
    _assert_no_orphans(account, after)
    if not released:
        # A first release is removed, an update is rolled back, and otherwise nothing has changed.
        assert after == before
        return
    assert after.endpoint is not None
    config, status, instances = after.endpoint
    assert status == "InService"
    assert after.configs - before.configs == {config}
    if before.endpoint is not None:
        assert instances == before.endpoint[2]
        assert before.endpoint[0] in after.configs  # for a rollback by hand
    if execution["status"] == "SUCCEEDED":
        assert after.scaling is not None
        assert after.scaling["target"] == {"MinCapacity": 1, "MaxCapacity": 5}
    else:
        assert after.scaling == before.scaling


def untouched(account: Account) -> bool:
    """Return whether no call tried to change the endpoint or its registration."""
    return not CHANGING & set(account.called())


def _assert_no_orphans(account: Account, after: Snapshot) -> None:
    """Each model has a configuration and vice versa; no job and no build is running."""
    used = {
        variant["ModelName"]
        for config in account.endpoints.configs.values()
        for variant in config["ProductionVariants"]
    }
    assert used == set(after.models)
    jobs = account.endpoints.jobs.values()
    assert "InProgress" not in {job[f"{job['kind']}Status"] for job in jobs}
    assert "IN_PROGRESS" not in {b["buildStatus"] for b in account.builds.builds.values()}
