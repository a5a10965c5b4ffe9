"""One endpoint: its state, the fleets behind it, and how DescribeEndpoint tells of them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from kennel.cloud.sagemaker.endpoints.fleet import Fleet, Turns
from kennel.cloud.sagemaker.resources import arn_of

Json = dict[str, Any]

#: States in which the service takes no change.
BUSY = {"Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting"}


@dataclass
class Plan:
    """An endpoint configuration with its models, as they were when it was deployed.

    The service goes on with what it had deployed when configuration and models are deleted.
    """

    config: Json
    models: dict[str, Json]

    @property
    def name(self) -> str:
        """The configuration's name."""
        return str(self.config["EndpointConfigName"])

    def variants(self) -> dict[str, Json]:
        """Return the production variants by name."""
        return {each["VariantName"]: each for each in self.config["ProductionVariants"]}

    def counts(self) -> dict[str, int]:
        """Return InitialInstanceCount by variant."""
        return {name: each["InitialInstanceCount"] for name, each in self.variants().items()}

    def weights(self) -> dict[str, float]:
        """Return InitialVariantWeight by variant."""
        return {
            name: each.get("InitialVariantWeight", 1.0) for name, each in self.variants().items()
        }

    def container(self, variant: str) -> Json:
        """Return the container definition of a variant's model."""
        model = self.models[self.variants()[variant]["ModelName"]]
        containers: list[Json] = model.get("Containers") or [model["PrimaryContainer"]]
        return containers[0]


@dataclass
class Deployment:
    """A plan with its fleets: the live one, or the one that is to take over.

    Attributes
    ----------
    counts, weights
        What is wanted, by variant.
    share
        Part of the traffic that it gets, 0 to 1.
    status
        VariantStatus, by variant.
    """

    plan: Plan
    counts: dict[str, int]
    weights: dict[str, float]
    started: float
    share: float = 0.0
    fleets: dict[str, Fleet] = field(default_factory=dict)
    status: dict[str, Json] = field(default_factory=dict)

    def tell(self, status: str, messages: Mapping[str, str], now: float) -> None:
        """Give the variants a VariantStatus with a message each; none to the others."""
        self.status = {
            name: {"Status": status, "StatusMessage": message, "StartTime": now}
            for name, message in messages.items()
        }

    def running(self) -> dict[str, int]:
        """Return how many instances run, by variant."""
        return {name: len(fleet.instances) for name, fleet in self.fleets.items()}

    def described(self, *, pending: bool) -> list[Json]:
        """Return ProductionVariants, of an endpoint or of a pending deployment."""
        return [self._described(name, pending) for name in self.plan.variants()]

    def _described(self, name: str, pending: bool) -> Json:
        image = self.plan.container(name).get("Image", "")
        told: Json = {
            "VariantName": name,
            "DeployedImages": [
                {
                    "SpecifiedImage": image,
                    "ResolvedImage": image,
                    "ResolutionTime": self.started,
                }
            ],
            "CurrentWeight": self.weights[name],
            "DesiredWeight": self.weights[name],
            "CurrentInstanceCount": self.running().get(name, 0),
            "DesiredInstanceCount": self.counts[name],
        }
        if pending:
            told["InstanceType"] = self.plan.variants()[name]["InstanceType"]
        if name in self.status:
            told["VariantStatus"] = [self.status[name]]
        return told


@dataclass
class Endpoint:
    """An endpoint and what runs behind it.

    Attributes
    ----------
    config_name
        What DescribeEndpoint says: while it is created, the configuration that is to come.
    live, pending
        The deployment that serves, and the one that is under way.
    leaving
        Fleets that answer what they were given, and end.
    """

    name: str
    config_name: str
    created: float
    modified: float
    status: str = "Creating"
    failure: str | None = None
    live: Deployment | None = None
    pending: Deployment | None = None
    last_deployment: Json | None = None
    leaving: list[Fleet] = field(default_factory=list)
    turns: Turns = field(default_factory=Turns)

    def deployments(self) -> Iterator[Deployment]:
        """Yield the deployments that there are."""
        yield from (each for each in (self.live, self.pending) if each)

    def fleets(self) -> list[Fleet]:
        """Return every fleet behind it."""
        deployed = [fleet for each in self.deployments() for fleet in each.fleets.values()]
        return deployed + self.leaving

    def choose(self, variant: str | None = None) -> Fleet | None:
        """Return the fleet that the next request goes to; None when there is none."""
        weighted = [
            (fleet, each.share * (1.0 if variant else each.weights[fleet.variant]))
            for each in self.deployments()
            for fleet in each.fleets.values()
            if variant in {None, fleet.variant}
        ]
        return self.turns.choose(weighted)

    def describe(self) -> Json:
        """Return what DescribeEndpoint answers."""
        told: Json = {
            "EndpointName": self.name,
            "EndpointArn": arn_of("endpoint", self.name),
            "EndpointConfigName": self.config_name,
            "EndpointStatus": self.status,
            "CreationTime": self.created,
            "LastModifiedTime": self.modified,
        }
        if self.live:
            told["ProductionVariants"] = self.live.described(pending=False)
        if self.failure:
            told["FailureReason"] = self.failure
        if self.last_deployment:
            told["LastDeploymentConfig"] = self.last_deployment
        if self.pending:
            told["PendingDeploymentSummary"] = {
                "EndpointConfigName": self.pending.plan.name,
                "ProductionVariants": self.pending.described(pending=True),
                "StartTime": self.pending.started,
            }
        return told
