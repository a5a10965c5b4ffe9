"""Scale endpoints when the alarms of their target tracking policies go off.

`targets` keeps the registered targets, and `cloudwatch.alarms` evaluates a policy's alarms on the
endpoints' own metrics. The scaler sets the number of instances within the target's limits, with the
policy's cooldowns on the offline clock. As on AWS an endpoint is not scaled while it is changing,
and it is Updating while it scales.
"""

import math
import uuid
from dataclasses import dataclass
from typing import Protocol

from kennel.cloud.autoscaling.targets import DIMENSION, NAMESPACE, ScalableTargets
from kennel.cloud.cloudwatch.alarms import Alarms
from kennel.cloud.runtime.clock import Clock
from kennel.cloud.runtime.errors import ServiceError
from kennel.cloud.runtime.store import Json

COOLDOWN_SECONDS = 300  # AWS's default for endpoint variants


class ScalableEndpoints(Protocol):
    """The calls of SageMaker endpoints that scaling uses."""

    async def describe_endpoint(self, request: Json) -> Json:
        """DescribeEndpoint."""

    async def describe_endpoint_config(self, request: Json) -> Json:
        """DescribeEndpointConfig."""

    async def update_endpoint_weights_and_capacities(self, request: Json) -> Json:
        """UpdateEndpointWeightsAndCapacities."""


@dataclass(frozen=True)
class Variant:
    """A variant, with its endpoint's status and configuration, as DescribeEndpoint has them."""

    status: str
    config: str
    desired: int


@dataclass(frozen=True)
class LastScaling:
    """A variant's last scaling in one direction: when, and from how many instances."""

    when: float
    base: int


class Scaler:
    """Changes the number of a variant's instances.

    Attributes
    ----------
    activities
        Scaling activities as DescribeScalingActivities returns them, oldest first.
    """

    def __init__(
        self, targets: ScalableTargets, endpoints: ScalableEndpoints, alarms: Alarms, clock: Clock
    ) -> None:
        self.activities: list[Json] = []
        self._targets = targets
        self._endpoints = endpoints
        self._clock = clock
        self._last: dict[tuple[str, str], LastScaling] = {}
        alarms.on("arn:aws:autoscaling:", self.act, repeat=True)

    async def act(self, alarm: Json, state: str, latest: float | None) -> None:
        """Scale by the policy that the alarm names.

        Scale-out is in proportion to the metric; within the cooldown only what the last one
        did not bring yet. Scale-in takes one instance at a time: AWS says "gradually", no more.
        """
        policies = await self._targets.policies()
        policy = next((p for p in policies if p["PolicyARN"] == alarm["Acting"]), None)
        if policy is None or state != "ALARM" or latest is None:
            return
        resource_id = policy["ResourceId"]
        target, variant = await self._targets.target(resource_id), await self.variant(resource_id)
        direction = "Out" if "-AlarmHigh-" in alarm["AlarmName"] else "In"
        if not target or not variant or variant.status != "InService":
            return
        if target.get("SuspendedState", {}).get(f"DynamicScaling{direction}Suspended"):
            return
        settings = policy["TargetTrackingScalingPolicyConfiguration"]
        last = self._cooling(resource_id, direction, settings)
        if direction == "Out":
            base = last.base if last else variant.desired
            wanted = min(math.ceil(base * latest / settings["TargetValue"]), target["MaxCapacity"])
            if wanted <= variant.desired:
                return
        else:
            base = variant.desired
            needed = math.ceil(base * latest / settings["TargetValue"])
            wanted = max(base - 1, needed, target["MinCapacity"])
            if last or wanted >= base:
                return
        self._last[resource_id, direction] = LastScaling(self._clock.now(), base)
        name = f"monitor alarm {alarm['AlarmName']} in state ALARM"
        await self.set(resource_id, wanted, f"{name} triggered policy {policy['PolicyName']}")

    async def set(self, resource_id: str, wanted: int, cause: str) -> None:
        """Set the number of instances to `wanted`, and record the activity."""
        endpoint, variant = resource_id.split("/")[1::2]
        activity = {
            "ActivityId": str(uuid.uuid4()),
            "ServiceNamespace": NAMESPACE,
            "ResourceId": resource_id,
            "ScalableDimension": DIMENSION,
            "Description": f"Setting desired instance count to {wanted}.",
            "Cause": cause,
            "StartTime": self._clock.now(),
            "StatusCode": "Successful",
            "StatusMessage": f"Successfully set desired instance count to {wanted}.",
        }
        self.activities.append(activity)
        change = {"VariantName": variant, "DesiredInstanceCount": wanted}
        request = {"EndpointName": endpoint, "DesiredWeightsAndCapacities": [change]}
        try:
            await self._endpoints.update_endpoint_weights_and_capacities(request)
        except ServiceError as error:
            activity |= {"StatusCode": "Failed", "StatusMessage": str(error)}

    async def keep_within_limits(self, resource_id: str, cause: str = "") -> None:
        """Scale a variant to its target's minimum or maximum where it lies beyond.

        Parameters
        ----------
        cause
            Of the activity; by default the limit alone.
        """
        target, variant = await self._targets.target(resource_id), await self.variant(resource_id)
        if target is None or variant is None:
            return
        least, most = target["MinCapacity"], target["MaxCapacity"]
        if (wanted := min(max(variant.desired, least), most)) != variant.desired:
            limit = "minimum" if wanted > variant.desired else "maximum"
            reason = f"{limit} capacity was set to {wanted}"
            await self.set(resource_id, wanted, f"{cause} was triggered" if cause else reason)

    async def variant(self, resource_id: str) -> Variant | None:
        """Return the variant that a resource id names; None when there is none."""
        endpoint, name = resource_id.split("/")[1::2]
        try:
            described = await self._endpoints.describe_endpoint({"EndpointName": endpoint})
        except ServiceError:
            return None
        for variant in described.get("ProductionVariants", []):
            if variant["VariantName"] == name:
                desired = variant.get("DesiredInstanceCount")  # a serverless variant has none
                return Variant(
                    described["EndpointStatus"], described["EndpointConfigName"], desired or 0
                )
        return None

    def _cooling(self, resource_id: str, direction: str, settings: Json) -> LastScaling | None:
        """Return the last scaling in this direction while its cooldown lasts."""
        last = self._last.get((resource_id, direction))
        cooldown = settings.get(f"Scale{direction}Cooldown", COOLDOWN_SECONDS)
        return last if last and self._clock.now() < last.when + cooldown else None
