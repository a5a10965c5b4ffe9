"""What a DeploymentConfig comes to: how many new instances take traffic when, and for how long.

https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails.html and the texts of
botocore's shapes. Rolling updates are not imitated.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kennel.cloud.sagemaker.errors import ServiceError

Json = dict[str, Any]

MOST_PERCENT = 50
LEAST_LINEAR_PERCENT = 10


@dataclass(frozen=True)
class Rollout:
    """The steps of a blue/green deployment.

    Attributes
    ----------
    kind
        ALL_AT_ONCE, CANARY or LINEAR.
    steps
        Instances of the new fleet that take traffic, by variant, one step after the other; the
        last step is all of them.
    wait, final_wait
        Offline seconds that a step bakes, and the last one before the old fleet ends.
    limit
        Offline seconds for the whole, or None.
    alarms
        Names whose state ALARM rolls it back.
    """

    kind: str
    steps: tuple[Mapping[str, int], ...]
    wait: float = 0.0
    final_wait: float = 0.0
    limit: float | None = None
    alarms: tuple[str, ...] = ()


def rollout_of(
    config: Json | None, counts: Mapping[str, int], old_counts: Mapping[str, int]
) -> Rollout:
    """Return how the fleet changes.

    Parameters
    ----------
    config
        The request's DeploymentConfig.
    counts, old_counts
        Instances of the new and of the old fleet, by variant.

    Raises
    ------
    ServiceError
        For what the documentation excludes: a canary above half of the fleet (so of one
        instance), a linear step outside 10 to 50 %, other variants than before, waits that are
        longer than the limit.
    """
    config = config or {}
    alarms = [each["AlarmName"] for each in _alarms(config)]
    if "RollingUpdatePolicy" in config:
        if "BlueGreenUpdatePolicy" in config:
            raise _invalid(
                "Only one of BlueGreenUpdatePolicy and RollingUpdatePolicy can be specified."
            )
        raise ServiceError(
            "NotImplementedOffline",
            "the offline cloud does not imitate RollingUpdatePolicy: use BlueGreenUpdatePolicy",
            501,
        )
    policy = config.get("BlueGreenUpdatePolicy")
    if policy is None:
        return Rollout("ALL_AT_ONCE", (dict(counts),), alarms=tuple(alarms))
    routing = policy["TrafficRoutingConfiguration"]
    kind = routing["Type"]
    steps = _steps(kind, routing, counts)
    if kind != "ALL_AT_ONCE" and set(counts) != set(old_counts):
        raise _invalid(
            "The new endpoint configuration must have the same variant names as the old one "
            f"for traffic routing of type {kind}."
        )
    wait = routing["WaitIntervalInSeconds"] if len(steps) > 1 else 0
    final_wait = policy.get("TerminationWaitInSeconds", 0)
    limit = policy.get("MaximumExecutionTimeoutInSeconds")
    if limit is not None and wait * (len(steps) - 1) + final_wait >= limit:
        raise _invalid(
            "MaximumExecutionTimeoutInSeconds must be larger than the total waiting time "
            "specified in TerminationWaitInSeconds and WaitIntervalInSeconds."
        )
    return Rollout(kind, steps, wait, final_wait, limit, tuple(alarms))


def _alarms(config: Json) -> list[Json]:
    alarms: list[Json] = config.get("AutoRollbackConfiguration", {}).get("Alarms", [])
    return alarms


def _steps(kind: str, routing: Json, counts: Mapping[str, int]) -> tuple[Mapping[str, int], ...]:
    given = {"CanarySize", "LinearStepSize"} & set(routing)
    wanted = {"CANARY": {"CanarySize"}, "LINEAR": {"LinearStepSize"}}.get(kind, set())
    if given != wanted:
        needs = f"needs {wanted.pop()} alone" if wanted else "takes no size"
        raise _invalid(f"Traffic routing of type {kind} {needs}.")
    if kind == "CANARY":
        first = {name: _canary(routing["CanarySize"], count) for name, count in counts.items()}
        return first, dict(counts)
    if kind == "LINEAR":
        size = routing["LinearStepSize"]
        each = {name: _linear(size, count) for name, count in counts.items()}
        number = max(math.ceil(counts[name] / step) for name, step in each.items())
        return tuple(
            {name: min(counts[name], each[name] * step) for name in counts}
            for step in range(1, number + 1)
        )
    return (dict(counts),)


def _instances(size: Json, count: int) -> int:
    """Return a CapacitySize in instances of `count`: whole ones, and one at least."""
    if size["Type"] == "INSTANCE_COUNT":
        return int(size["Value"])
    return max(1, count * int(size["Value"]) // 100)


def _canary(size: Json, count: int) -> int:
    canary = _instances(size, count)
    if canary * 2 > count or _percent(size) > MOST_PERCENT:
        raise _invalid(
            "CanarySize must be less than or equal to 50% of the variant's total instance count: "
            f"received {_said(size)} of {count} instance(s)."
        )
    return canary


def _linear(size: Json, count: int) -> int:
    step = _instances(size, count)
    too_large = step * 2 > count or _percent(size) > MOST_PERCENT
    if too_large or step * 100 < count * LEAST_LINEAR_PERCENT:
        raise _invalid(
            "LinearStepSize must be 10-50% of the variant's total instance count: "
            f"received {_said(size)} of {count} instance(s)."
        )
    return step


def _percent(size: Json) -> int:
    return int(size["Value"]) if size["Type"] == "CAPACITY_PERCENT" else 0


def _said(size: Json) -> str:
    return f"{size['Value']}{'%' if size['Type'] == 'CAPACITY_PERCENT' else ''}"


def _invalid(message: str) -> ServiceError:
    return ServiceError("ValidationException", message)
