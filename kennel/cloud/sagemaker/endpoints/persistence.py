"""Store endpoints with their configurations, so that they can be started after a restart.

Every stored change is also published, as the service publishes it to EventBridge.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import asdict

from kennel.cloud.runtime.store import Json, Store
from kennel.cloud.sagemaker.endpoints.deployment import Deployment
from kennel.cloud.sagemaker.endpoints.endpoint import Endpoint
from kennel.cloud.sagemaker.endpoints.snapshot import ConfigSnapshot

#: FailureReason of an endpoint whose creation was interrupted.
INTERRUPTED = "the offline cloud ended while the endpoint was created: delete it, and try again"

#: Receives (detail type, source, detail, resources) of an event.
PublishEvent = Callable[[str, str, Json, list[str]], None]

#: Kind in the store; it and its member `plan` have the names that stored states have.
_DEPLOYMENT = "endpoint-plan"


class EndpointStore:
    """Save endpoints in a store and load them from it.

    Parameters
    ----------
    publish
        Receives an event for each change.
    """

    def __init__(self, store: Store, publish: PublishEvent) -> None:
        self._store = store
        self._publish = publish
        self._published_status: dict[str, str] = {}

    def save(self, endpoint: Endpoint) -> None:
        """Store the endpoint's present state and publish an event."""
        description = endpoint.describe()
        self._store.put("endpoint", endpoint.name, description)
        if deployment := endpoint.live or endpoint.pending:
            record = {
                "plan": asdict(deployment.snapshot),
                "counts": deployment.counts,
                "weights": deployment.weights,
            }
            self._store.put(_DEPLOYMENT, endpoint.name, record)
        detail_type, detail = state_change_event(
            description, self._published_status.get(endpoint.name)
        )
        self._publish(detail_type, "aws.sagemaker", detail, [endpoint.arn])
        self._published_status[endpoint.name] = endpoint.status

    def delete(self, name: str) -> None:
        """Remove a deleted endpoint."""
        self._store.delete("endpoint", name)
        self._store.delete(_DEPLOYMENT, name)
        self._published_status.pop(name, None)

    def deleting(self) -> list[str]:
        """Return the stored endpoints whose deletion has begun."""
        stored = self._store.all("endpoint")
        return [each["EndpointName"] for each in stored if each["EndpointStatus"] == "Deleting"]

    def load(self, now: float) -> Iterator[Endpoint]:
        """Yield the stored endpoints, without processes.

        An endpoint that is to be started has a pending deployment, a failed one has none: also
        one whose first deployment was interrupted.
        """
        for description in self._store.all("endpoint"):
            name = description["EndpointName"]
            record = self._store.get(_DEPLOYMENT, name)
            if record is None:
                self.delete(name)
                continue
            if description["EndpointStatus"] == "Creating":
                description |= {"EndpointStatus": "Failed", "FailureReason": INTERRUPTED}
            snapshot = ConfigSnapshot(**record["plan"])
            endpoint = Endpoint(
                name,
                snapshot.name,
                created=description["CreationTime"],
                modified=description["LastModifiedTime"],
                status=description["EndpointStatus"],
                failure=description.get("FailureReason"),
                last_deployment_config=description.get("LastDeploymentConfig"),
            )
            if endpoint.status != "Failed":
                endpoint.pending = Deployment(
                    snapshot, record["counts"], record["weights"], started=now
                )
            else:
                self.save(endpoint)
            yield endpoint


def state_change_event(description: Json, status_before: str | None) -> tuple[str, Json]:
    """Return (detail type, detail) for a change of the status, or of a deployment within it.

    https://docs.aws.amazon.com/sagemaker/latest/dg/automating-sagemaker-with-eventbridge.html
    """
    status = description["EndpointStatus"]
    subject = "Endpoint" if status != status_before else "Endpoint Deployment"
    times = {name: int(1000 * description[name]) for name in ("CreationTime", "LastModifiedTime")}
    # InService is IN_SERVICE in EventBridge.
    event_status = re.sub(r"(?<!^)(?=[A-Z])", "_", status).upper()
    detail = {**description, **times, "EndpointStatus": event_status}
    return f"SageMaker {subject} State Change", detail
