"""What the design promises of an execution, whichever way it went."""

from dataclasses import dataclass
from typing import Any

from common.registration import registration
from tests.functions.account import ENDPOINT, Account

CHANGING = {"CreateEndpoint", "UpdateEndpoint", "DeleteEndpoint", "DeregisterScalableTarget"}


@dataclass(frozen=True)
class Snapshot:
    """The endpoint and all that belongs to it."""

    endpoint: tuple[str, str, int] | None  # configuration, status, instances
    scaling: dict[str, Any] | None
    models: frozenset[str]
    configs: frozenset[str]

    @classmethod
    def of(cls, account: Account) -> "Snapshot":
        """Look, without letting time pass."""
        found, calls = account.endpoints.endpoint, len(account.calls)
        scaling = registration(account.autoscaling, ENDPOINT)
        del account.calls[calls:]
        endpoint = None
        if found is not None:
            count = found["ProductionVariants"][0]["CurrentInstanceCount"]
            endpoint = (found["EndpointConfigName"], found["EndpointStatus"], count)
        return cls(
            endpoint,
            scaling,
            frozenset(account.endpoints.models),
            frozenset(account.endpoints.configs),
        )


def sweep(account: Account, before: Snapshot, done: dict[str, Any], released: bool) -> None:
    """Assert the promises.

    Parameters
    ----------
    before
        How it was when the execution began.
    done
        The execution, as described.
    released
        Whether it has ended with its model live: by success, or as a proven update.
    """
    after = Snapshot.of(account)
    _no_orphans(account, after)
    if not released:
        # A first release leaves nothing, an update is taken back, and without one nothing moved.
        assert after == before
        return
    assert after.endpoint is not None
    config, status, instances = after.endpoint
    assert status == "InService"
    assert after.configs - before.configs == {config}
    if before.endpoint is not None:
        assert instances == before.endpoint[2]
        assert before.endpoint[0] in after.configs  # the way back for a person
    if done["status"] == "SUCCEEDED":
        assert after.scaling is not None
        assert after.scaling["target"] == {"MinCapacity": 1, "MaxCapacity": 5}
    else:
        assert after.scaling == before.scaling


def untouched(account: Account) -> bool:
    """Tell whether no call has tried to change the endpoint or its registration."""
    return not CHANGING & set(account.asked())


def _no_orphans(account: Account, after: Snapshot) -> None:
    """Each model has its configuration and the other way round; nothing runs or builds."""
    used = {
        variant["ModelName"]
        for config in account.endpoints.configs.values()
        for variant in config["ProductionVariants"]
    }
    assert used == set(after.models)
    jobs = account.endpoints.jobs.values()
    assert "InProgress" not in {job[f"{job['kind']}Status"] for job in jobs}
    assert "IN_PROGRESS" not in {b["buildStatus"] for b in account.builds.builds.values()}
