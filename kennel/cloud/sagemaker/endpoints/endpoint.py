"""Hold the state of one endpoint and the fleets behind it."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from kennel.cloud.runtime.store import Json
from kennel.cloud.sagemaker.endpoints.deployment import Deployment
from kennel.cloud.sagemaker.endpoints.fleet import Fleet
from kennel.cloud.sagemaker.endpoints.round_robin import WeightedRoundRobin
from kennel.cloud.sagemaker.resources import arn_of

#: States in which the service takes no change.
BUSY = {"Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting"}
MAX_REASON = 1024  # characters of a FailureReason that the service answers


@dataclass
class Endpoint:
    """An endpoint.

    Attributes
    ----------
    config_name
        EndpointConfigName of DescribeEndpoint: of the live deployment, or of the first one while
        the endpoint is created.
    live, pending
        The deployment that serves, and the one that is under way.
    retiring
        Fleets that answer their open requests and then end.
    """

    name: str
    config_name: str
    created: float
    modified: float
    status: str = "Creating"
    failure: str | None = None
    live: Deployment | None = None
    pending: Deployment | None = None
    last_deployment_config: Json | None = None
    retiring: list[Fleet] = field(default_factory=list)
    round_robin: WeightedRoundRobin = field(default_factory=WeightedRoundRobin)

    @property
    def arn(self) -> str:
        """The endpoint's ARN."""
        return arn_of("endpoint", self.name)

    def deployments(self) -> Iterator[Deployment]:
        """Yield the live and the pending deployment, as far as there are any."""
        yield from (each for each in (self.live, self.pending) if each)

    def fleets(self) -> list[Fleet]:
        """Return every fleet, the retiring ones included."""
        deployed = [fleet for each in self.deployments() for fleet in each.fleets.values()]
        return deployed + self.retiring

    def choose_fleet(self, variant: str | None = None) -> Fleet | None:
        """Return the fleet of the next request; None when no fleet takes traffic.

        Parameters
        ----------
        variant
            TargetVariant, which overrides the weights.
        """
        weighted = [
            (fleet, each.share * (1.0 if variant else each.weights[fleet.variant]))
            for each in self.deployments()
            for fleet in each.fleets.values()
            if variant in {None, fleet.variant}
        ]
        return self.round_robin.choose(weighted)

    def describe(self) -> Json:
        """Return what DescribeEndpoint answers."""
        description: Json = {
            "EndpointName": self.name,
            "EndpointArn": self.arn,
            "EndpointConfigName": self.config_name,
            "EndpointStatus": self.status,
            "CreationTime": self.created,
            "LastModifiedTime": self.modified,
        }
        if self.live:
            description["ProductionVariants"] = self.live.describe(pending=False)
        if self.failure:
            description["FailureReason"] = self.failure[:MAX_REASON]
        if self.last_deployment_config:
            description["LastDeploymentConfig"] = self.last_deployment_config
        if self.pending:
            description["PendingDeploymentSummary"] = {
                "EndpointConfigName": self.pending.snapshot.name,
                "ProductionVariants": self.pending.describe(pending=True),
                "StartTime": self.pending.started,
            }
        return description
