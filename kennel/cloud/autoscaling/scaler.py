"""Endpoints scaled by their policies' alarms: serving processes come and go with the load.

`scaling_targets` keeps what is registered, `alarms` evaluates a policy's alarms on what endpoints
really counted; this asks the endpoint for another number of instances, within the target's limits
and by the policy's cooldowns, all on the clock. As on AWS nothing is scaled while the endpoint is
changing, and it is Updating while it scales. `scaling_api` answers the calls.
"""

import math
import uuid
from dataclasses import dataclass
from typing import Protocol

from kennel.cloud.autoscaling.targets import DIMENSION, NAMESPACE, Targets
from kennel.cloud.cloudwatch.alarms import Alarms
from kennel.cloud.runtime.clock import Clock
from kennel.cloud.runtime.store import Json
from kennel.cloud.sagemaker.errors import ServiceError

COOLDOWN_SECONDS = 300  # AWS's default for endpoint variants


class Scaled(Protocol):
    """What is asked of endpoints."""

    async def describe_endpoint(self, request: Json) -> Json:
        """DescribeEndpoint."""

    async def describe_endpoint_config(self, request: Json) -> Json:
        """DescribeEndpointConfig."""

    async def update_endpoint_weights_and_capacities(self, request: Json) -> Json:
        """UpdateEndpointWeightsAndCapacities."""


@dataclass(frozen=True)
class Variant:
    """A variant as DescribeEndpoint tells of it, with the endpoint's state and configuration."""

    status: str
    config: str
    desired: int


@dataclass(frozen=True)
class Last:
    """A variant's last scaling in one direction: when, and from how many instances."""

    when: float
    base: int


class Scaler:
    """Changes the number of a variant's instances.

    Attributes
    ----------
    activities
        What was done, as DescribeScalingActivities gives it, oldest first.
    """

    def __init__(self, targets: Targets, endpoints: Scaled, alarms: Alarms, clock: Clock) -> None:
        self.activities: list[Json] = []
        self._targets = targets
        self._endpoints = endpoints
        self._clock = clock
        self._last: dict[tuple[str, str], Last] = {}
        alarms.on("arn:aws:autoscaling:", self.act, repeat=True)

    async def act(self, alarm: Json, state: str, latest: float | None) -> None:
        """Scale as the policy says that the alarm names.

        Scale-out is in proportion to the metric; within the cooldown only what the last one
        did not bring yet. Scale-in takes one instance at a time: AWS says "gradually", no more.
        """
        policies = await self._targets.policies()
        policy = next((p for p in policies if p["PolicyARN"] == alarm["Acting"]), None)
        if policy is None or state != "ALARM" or latest is None:
            return
        resource_id = policy["ResourceId"]
        target, variant = await self._targets.target(resource_id), await self.variant(resource_id)
        way = "Out" if "-AlarmHigh-" in alarm["AlarmName"] else "In"
        if not target or not variant or variant.status != "InService":
            return
        if target.get("SuspendedState", {}).get(f"DynamicScaling{way}Suspended"):
            return
        settings = policy["TargetTrackingScalingPolicyConfiguration"]
        last = self._cooling(resource_id, way, settings)
        if way == "Out":
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
        self._last[resource_id, way] = Last(self._clock.now(), base)
        name = f"monitor alarm {alarm['AlarmName']} in state ALARM"
        await self.set(resource_id, wanted, f"{name} triggered policy {policy['PolicyName']}")

    async def set(self, resource_id: str, wanted: int, cause: str) -> None:
        """Ask the endpoint for `wanted` instances, and record the activity."""
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

    async def variant(self, resource_id: str) -> Variant | None:
        """Return the variant that a resource id names; None when there is none."""
        endpoint, name = resource_id.split("/")[1::2]
        try:
            told = await self._endpoints.describe_endpoint({"EndpointName": endpoint})
        except ServiceError:
            return None
        for each in told.get("ProductionVariants", []):
            if each["VariantName"] == name:
                desired = each["DesiredInstanceCount"]
                return Variant(told["EndpointStatus"], told["EndpointConfigName"], desired)
        return None

    def _cooling(self, resource_id: str, way: str, settings: Json) -> Last | None:
        """Return the last scaling in this direction while its cooldown lasts."""
        last = self._last.get((resource_id, way))
        cooldown = settings.get(f"Scale{way}Cooldown", COOLDOWN_SECONDS)
        return last if last and self._clock.now() < last.when + cooldown else None
