"""The planner's scaling policy and the offline cloud's, written apart, answer the same.

Both see the same points, minute by minute, with instances that come at once. The offline cloud's
`Scaler.act` is called as its alarms call it; the endpoint and the registration are played here.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from kennel.cloud.autoscaling.scaler import Scaler
from kennel.cloud.autoscaling.targets import IN_SECONDS, IN_SHARE, OUT_POINTS
from kennel.planner.engines import autoscaling
from kennel.planner.engines.autoscaling import (
    AlarmEvaluation,
    ScalingPolicy,
    decide,
    policy_from_settings,
)
from kennel.planner.inputs.settings import PlanSettings

Json = dict[str, Any]
ARN = "arn:aws:autoscaling:region:account:scalingPolicy:p"
RESOURCE = "endpoint/e/variant/AllTraffic"


class Stage:
    """An endpoint whose instances come at once, its policy, and no clock of its own."""

    def __init__(self, policy: ScalingPolicy, capacity: int) -> None:
        self.policy, self.capacity, self.time = policy, capacity, 0.0

    def now(self) -> float:
        return self.time

    def on(self, prefix: str, action: Callable[..., Any], *, repeat: bool) -> None:
        assert repeat and ARN.startswith(prefix)

    async def policies(self) -> list[Json]:
        settings = {
            "TargetValue": self.policy.target,
            "ScaleOutCooldown": self.policy.out_cooldown,
            "ScaleInCooldown": self.policy.in_cooldown,
        }
        return [{"PolicyARN": ARN, "PolicyName": "p", "ResourceId": RESOURCE,
                 "TargetTrackingScalingPolicyConfiguration": settings}]  # fmt: skip

    async def target(self, resource_id: str) -> Json:
        assert resource_id == RESOURCE
        return {"MinCapacity": self.policy.minimum, "MaxCapacity": self.policy.maximum}

    async def describe_endpoint(self, request: Json) -> Json:
        variant = {"VariantName": "AllTraffic", "DesiredInstanceCount": self.capacity}
        return {"EndpointStatus": "InService", "EndpointConfigName": "c",
                "ProductionVariants": [variant], **request}  # fmt: skip

    async def describe_endpoint_config(self, request: Json) -> Json:
        return request

    async def update_endpoint_weights_and_capacities(self, request: Json) -> Json:
        (change,) = request["DesiredWeightsAndCapacities"]
        self.capacity = change["DesiredInstanceCount"]
        return {}


def offline(policy: ScalingPolicy, capacity: int, trace: Sequence[float]) -> list[int]:
    """Return the instances wanted after each point, by the offline cloud's policy."""
    stage = Stage(policy, capacity)
    scaler = Scaler(stage, stage, stage, stage)  # type: ignore[arg-type]  # it plays all four

    async def follow() -> list[int]:
        capacities = []
        for number, point in enumerate(trace, 1):
            stage.time = 60.0 * number
            last = list(trace[:number])
            sides: tuple[tuple[str, int, Callable[[float], bool]], ...]
            sides = (("High", OUT_POINTS, lambda p: p > policy.target),
                     ("Low", IN_SECONDS // 60, lambda p: p < IN_SHARE * policy.target))  # fmt: skip
            for side, count, breaches in sides:
                if number >= count and all(breaches(p) for p in last[-count:]):
                    alarm = {"Acting": ARN, "AlarmName": f"TargetTracking-{RESOURCE}-Alarm{side}-1"}
                    await scaler.act(alarm, "ALARM", point)
            capacities.append(stage.capacity)
        return capacities

    return asyncio.run(follow())


def planned(policy: ScalingPolicy, capacity: int, trace: Sequence[float]) -> list[int]:
    """Return the same by the planner's policy."""
    capacities, last = [], {"out": -1e9, "in": -1e9}
    base = capacity
    for number in range(1, len(trace) + 1):
        now = 60.0 * number
        evaluation = AlarmEvaluation(
            now, capacity, trace[:number], False, last["out"], last["in"], base
        )
        decision = decide(policy, evaluation)
        base = capacity if decision.reason == "out" else base
        if decision.reason in last:
            last[decision.reason], capacity = now, decision.capacity
        capacities.append(capacity)
    return capacities


@pytest.mark.parametrize(
    ("trace", "capacity", "expected"),
    [
        ([900.0] * 2, 1, 1),
        ([900.0] * 3, 1, 2),
        ([601.0, 900.0, 1500.0], 1, 3),
        ([600.0] * 20, 1, 1),
        ([601.0] * 3, 4, 5),
        ([6000.0] * 3, 2, 5),
        ([900.0, 900.0, 599.0, 900.0, 900.0], 1, 1),
        ([900.0] * 4, 1, 3),
        ([541.0] * 15, 3, 3),
        ([539.0] * 15, 3, 3),
        ([100.0] * 14, 3, 3),
        ([100.0] * 15, 3, 2),
        ([100.0] * 17, 5, 2),
        ([100.0] * 30, 5, 1),
        ([250.0] * 30, 5, 1),
        ([100.0] * 7 + [560.0] + [100.0] * 7, 3, 3),
        ([1100.0] * 3 + [300.0] * 16, 1, 1),
    ],
)
def test_both_want_the_same_instances(trace: list[float], capacity: int, expected: int) -> None:
    policy = ScalingPolicy(target=600, minimum=1, maximum=5)
    wanted = planned(policy, capacity, trace)
    assert wanted == offline(policy, capacity, trace)
    assert wanted[-1] == expected


def test_both_have_the_same_alarms() -> None:
    for metric, period in (("invocations", 60), ("concurrency", 10)):
        policy = policy_from_settings(PlanSettings(metric=metric))
        assert (policy.period, policy.out_datapoints) == (period, OUT_POINTS)
        assert policy.in_datapoints * period == IN_SECONDS
    assert autoscaling.SCALE_IN_SHARE == IN_SHARE


def test_a_long_cooldown_for_out_counts_what_the_last_one_added() -> None:
    policy = ScalingPolicy(target=600, minimum=1, maximum=5, out_cooldown=600)
    trace = [900.0] * 3 + [1300.0]
    assert offline(policy, 1, [900.0] * 5) == planned(policy, 1, [900.0] * 5) == [1, 1, 2, 2, 2]
    assert offline(policy, 1, trace) == [1, 1, 2, 3]  # 1 x 1300 / 600, of the base of the last one
    assert planned(policy, 1, trace) == [1, 1, 2, 3]
