"""Endpoints in the store: as they are described, and what they would be brought up from again.

Each change that is kept is also announced, as the service does to EventBridge.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import asdict

from kennel.cloud.runtime.store import Json, Store
from kennel.cloud.sagemaker.endpoints.endpoint import Deployment, Endpoint, Plan

#: (detail type, detail) of an event that the service sends to EventBridge.
Notice = Callable[[str, Json], None]


class Keeper:
    """Keeps endpoints in a store.

    Parameters
    ----------
    notice
        Told of each change.
    """

    def __init__(self, store: Store, notice: Notice) -> None:
        self._store = store
        self._notice = notice
        self._told: dict[str, str] = {}

    def keep(self, endpoint: Endpoint) -> None:
        """Keep what the endpoint is by now."""
        told = endpoint.describe()
        self._store.put("endpoint", endpoint.name, told)
        if kept := endpoint.live or endpoint.pending:
            plan = {"plan": asdict(kept.plan), "counts": kept.counts, "weights": kept.weights}
            self._store.put("endpoint-plan", endpoint.name, plan)
        self._notice(*event_of(told, self._told.get(endpoint.name)))
        self._told[endpoint.name] = endpoint.status

    def forget(self, name: str) -> None:
        """Forget an endpoint that is deleted."""
        self._store.delete("endpoint", name)
        self._store.delete("endpoint-plan", name)
        self._told.pop(name, None)

    def restored(self, now: float) -> Iterator[Endpoint]:
        """Yield the endpoints of the store, with no process yet.

        One that is to be brought up has a pending deployment; one that had failed has none, and
        one that was being deleted is forgotten.
        """
        for told in self._store.all("endpoint"):
            name = told["EndpointName"]
            kept = self._store.get("endpoint-plan", name)
            if told["EndpointStatus"] == "Deleting" or kept is None:
                self.forget(name)
                continue
            endpoint = Endpoint(
                name,
                kept["plan"]["config"]["EndpointConfigName"],
                created=told["CreationTime"],
                modified=told["LastModifiedTime"],
                status=told["EndpointStatus"],
                failure=told.get("FailureReason"),
                last_deployment=told.get("LastDeploymentConfig"),
            )
            if endpoint.status != "Failed":
                plan = Plan(**kept["plan"])
                endpoint.pending = Deployment(plan, kept["counts"], kept["weights"], started=now)
            yield endpoint


def event_of(told: Json, status_before: str | None) -> tuple[str, Json]:
    """Return the event of a change: of the state, or of a deployment within it.

    https://docs.aws.amazon.com/sagemaker/latest/dg/automating-sagemaker-with-eventbridge.html
    """
    status = told["EndpointStatus"]
    words = "Endpoint" if status != status_before else "Endpoint Deployment"
    times = {name: int(1000 * told[name]) for name in ("CreationTime", "LastModifiedTime")}
    shouted = re.sub(r"(?<!^)(?=[A-Z])", "_", status).upper()  # InService is IN_SERVICE there
    return f"SageMaker {words} State Change", {**told, **times, "EndpointStatus": shouted}
