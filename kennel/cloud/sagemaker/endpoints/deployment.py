"""Hold one deployment of an endpoint: a configuration, its fleets and its share of the traffic."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from kennel.cloud.runtime.store import Json
from kennel.cloud.sagemaker.endpoints.fleet import Fleet
from kennel.cloud.sagemaker.endpoints.snapshot import ConfigSnapshot


@dataclass
class Deployment:
    """A configuration with its fleets: the live one, or the pending one that replaces it.

    Attributes
    ----------
    counts, weights
        Desired instances and weights, by variant.
    started
        When the deployment began, in Unix seconds.
    share
        Its part of the traffic, 0 to 1.
    status
        VariantStatus, by variant.
    """

    snapshot: ConfigSnapshot
    counts: dict[str, int]
    weights: dict[str, float]
    started: float
    share: float = 0.0
    fleets: dict[str, Fleet] = field(default_factory=dict)
    status: dict[str, Json] = field(default_factory=dict)

    def set_status(self, status: str, messages: Mapping[str, str], now: float) -> None:
        """Set VariantStatus of the variants that have a message; clear that of the others."""
        self.status = {
            name: {"Status": status, "StatusMessage": message, "StartTime": now}
            for name, message in messages.items()
        }

    def running(self) -> dict[str, int]:
        """Return the number of running instances, by variant."""
        return {name: len(fleet.instances) for name, fleet in self.fleets.items()}

    def describe(self, *, pending: bool) -> list[Json]:
        """Return ProductionVariants of an endpoint, or of its pending deployment."""
        return [self._describe_variant(name, pending) for name in self.snapshot.variants()]

    def _describe_variant(self, name: str, pending: bool) -> Json:
        image = self.snapshot.container(name).get("Image", "")
        description: Json = {
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
        }
        variant = self.snapshot.variants()[name]
        if config := variant.get("ServerlessConfig"):
            description |= {"CurrentServerlessConfig": config, "DesiredServerlessConfig": config}
        else:
            description["CurrentInstanceCount"] = self.running().get(name, 0)
            description["DesiredInstanceCount"] = self.counts[name]
            if pending:
                description["InstanceType"] = variant["InstanceType"]
        if name in self.status:
            description["VariantStatus"] = [self.status[name]]
        return description


def updated_capacity(
    request: Json, live: Deployment, snapshot: ConfigSnapshot
) -> tuple[dict[str, int], dict[str, float]]:
    """Return instance counts and weights by variant, as an update sets them.

    Parameters
    ----------
    request
        UpdateEndpoint's, which may retain the counts and weights of the live deployment.
    snapshot
        The new configuration, whose initial counts and weights apply otherwise.
    """
    counts, weights = snapshot.counts(), snapshot.weights()
    if request.get("RetainAllVariantProperties"):
        excluded = {
            each["VariantPropertyType"]
            for each in request.get("ExcludeRetainedVariantProperties", [])
        }
        if "DesiredInstanceCount" not in excluded:
            # A serverless variant has none, neither to retain nor to be given.
            counts |= {
                name: live.counts[name] for name, n in counts.items() if n and live.counts.get(name)
            }
        if "DesiredWeight" not in excluded:
            weights |= {name: live.weights[name] for name in weights if name in live.weights}
    return counts, weights
