"""What a DeploymentConfig comes to: how many new instances take traffic when, and for how long.

https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails.html and the texts of
botocore's shapes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kennel.cloud.sagemaker.errors import ServiceError

Json = dict[str, Any]

MOST_PERCENT = 50
LEAST_LINEAR_PERCENT = 10
LEAST_ROLLING_PERCENT = 5


@dataclass(frozen=True)
class Rollout:
    """The steps of a blue/green deployment.

    Attributes
    ----------
    kind
        ALL_AT_ONCE, CANARY, LINEAR or ROLLING.
    steps
        Instances of the new fleet that take traffic, by variant, one step after the other; the
        last step is all of them.
    wait, final_wait
        Offline seconds that a step bakes, and the last one before the old fleet ends.
    limit
        Offline seconds for the whole, or None.
    alarms
        Names whose state ALARM rolls it back.
    rolling
        Whether each step's instances start only as it comes to it.
    """

    kind: str
    steps: tuple[Mapping[str, int], ...]
    wait: float = 0.0
    final_wait: float = 0.0
    limit: float | None = None
    alarms: tuple[str, ...] = ()
    rolling: bool = False


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
        return _rolling(config["RollingUpdatePolicy"], counts, old_counts, tuple(alarms))
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
        grown = {
            name: _steps_of(size, count, "LinearStepSize", LEAST_LINEAR_PERCENT)
            for name, count in counts.items()
        }
        number = max(len(steps) for steps in grown.values())
        return tuple(
            {name: steps[min(n, len(steps) - 1)] for name, steps in grown.items()}
            for n in range(number)
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


def _steps_of(size: Json, count: int, what: str, least_percent: int) -> list[int]:
    """Return how many instances there are after each step of a size, the last being all."""
    step = _instances(size, count)
    too_large = step * 2 > count or _percent(size) > MOST_PERCENT
    if too_large or step * 100 < count * least_percent or 0 < _percent(size) < least_percent:
        raise _invalid(
            f"{what} must be {least_percent}-50% of the variant's total instance count: "
            f"received {_said(size)} of {count} instance(s)."
        )
    return [*range(step, count, step), count]


def _rolling(
    policy: Json, counts: Mapping[str, int], old_counts: Mapping[str, int], alarms: tuple[str, ...]
) -> Rollout:
    """Return the steps of a rolling deployment, whose whole fleet comes back in a rollback.

    https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-rolling.html
    """
    if len(counts) > 1 or set(counts) != set(old_counts):
        raise _invalid(
            "A rolling deployment is not supported for endpoints with several variants, nor for "
            "a configuration with another variant than before."
        )
    if "RollbackMaximumBatchSize" in policy:
        message = "the offline cloud does not imitate RollbackMaximumBatchSize"
        raise ServiceError("NotImplementedOffline", message, 501)
    ((name, count),) = counts.items()
    size = policy["MaximumBatchSize"]
    steps = _steps_of(size, count, "MaximumBatchSize", LEAST_ROLLING_PERCENT)
    wait, limit = policy["WaitIntervalInSeconds"], policy.get("MaximumExecutionTimeoutInSeconds")
    each = tuple({name: n} for n in steps)
    return Rollout("ROLLING", each, wait, wait, limit, alarms, rolling=True)


def _percent(size: Json) -> int:
    return int(size["Value"]) if size["Type"] == "CAPACITY_PERCENT" else 0


def _said(size: Json) -> str:
    return f"{size['Value']}{'%' if size['Type'] == 'CAPACITY_PERCENT' else ''}"


def _invalid(message: str) -> ServiceError:
    return ServiceError("ValidationException", message)
