"""Turn a DeploymentConfig into steps: how many new instances take traffic, and for how long.

https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails.html and the texts of
botocore's shapes.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from kennel.cloud.runtime.store import Json
from kennel.cloud.sagemaker.errors import invalid
from kennel.cloud.sagemaker.handlers import not_emulated

MAX_PERCENT = 50
MIN_LINEAR_PERCENT = 10
MIN_ROLLING_PERCENT = 5


@dataclass(frozen=True)
class Rollout:
    """The steps of a blue/green or rolling deployment.

    Attributes
    ----------
    kind
        ALL_AT_ONCE, CANARY, LINEAR or ROLLING.
    steps
        Instances of the new fleet that take traffic, by variant, for each step; the last step
        has all of them.
    wait, final_wait
        Offline seconds that a step bakes, and that the last step bakes before the old fleet ends.
    limit
        Offline seconds for the whole deployment, or None.
    alarms
        Names of the alarms whose state ALARM rolls the deployment back.
    rolling
        Whether a step starts its own instances; otherwise all start before the first step.
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
    """Return the steps from the old fleet to the new one.

    Parameters
    ----------
    config
        The request's DeploymentConfig.
    counts, old_counts
        Instances of the new and of the old fleet, by variant.

    Raises
    ------
    ServiceError
        For a config that the documentation excludes: a canary above half of the fleet (so of one
        instance), a linear step outside 10 to 50 %, other variants than before, waits that are
        longer than the limit.
    """
    config = config or {}
    alarms = [each["AlarmName"] for each in _alarms(config)]
    if "RollingUpdatePolicy" in config:
        if "BlueGreenUpdatePolicy" in config:
            raise invalid(
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
        raise invalid(
            "The new endpoint configuration must have the same variant names as the old one "
            f"for traffic routing of type {kind}."
        )
    wait = routing["WaitIntervalInSeconds"] if len(steps) > 1 else 0
    final_wait = policy.get("TerminationWaitInSeconds", 0)
    limit = policy.get("MaximumExecutionTimeoutInSeconds")
    if limit is not None and wait * (len(steps) - 1) + final_wait >= limit:
        raise invalid(
            "MaximumExecutionTimeoutInSeconds must be larger than the total waiting time "
            "specified in TerminationWaitInSeconds and WaitIntervalInSeconds."
        )
    return Rollout(kind, steps, wait, final_wait, limit, tuple(alarms))


def _alarms(config: Json) -> list[Json]:
    alarms: list[Json] = config.get("AutoRollbackConfiguration", {}).get("Alarms", [])
    return alarms


def _steps(kind: str, routing: Json, counts: Mapping[str, int]) -> tuple[Mapping[str, int], ...]:
    sizes = {"CanarySize", "LinearStepSize"} & set(routing)
    expected = {"CANARY": {"CanarySize"}, "LINEAR": {"LinearStepSize"}}.get(kind, set())
    if sizes != expected:
        rule = f"needs {expected.pop()} alone" if expected else "takes no size"
        raise invalid(f"Traffic routing of type {kind} {rule}.")
    if kind == "CANARY":
        first = {
            name: _canary_instances(routing["CanarySize"], count) for name, count in counts.items()
        }
        return first, dict(counts)
    if kind == "LINEAR":
        size = routing["LinearStepSize"]
        step_sizes = {
            name: _step_sizes(size, count, "LinearStepSize", MIN_LINEAR_PERCENT)
            for name, count in counts.items()
        }
        number = max(len(steps) for steps in step_sizes.values())
        return tuple(
            {name: steps[min(n, len(steps) - 1)] for name, steps in step_sizes.items()}
            for n in range(number)
        )
    return (dict(counts),)


def _instances(size: Json, count: int) -> int:
    """Return a CapacitySize as a number of instances out of `count`, at least one."""
    if size["Type"] == "INSTANCE_COUNT":
        return int(size["Value"])
    return max(1, count * int(size["Value"]) // 100)


def _canary_instances(size: Json, count: int) -> int:
    canary = _instances(size, count)
    if canary * 2 > count or _percent(size) > MAX_PERCENT:
        raise invalid(
            "CanarySize must be less than or equal to 50% of the variant's total instance count: "
            f"received {_size_text(size)} of {count} instance(s)."
        )
    return canary


def _step_sizes(size: Json, count: int, member: str, min_percent: int) -> list[int]:
    """Return the number of instances after each step of a size; the last is `count`."""
    step = _instances(size, count)
    too_large = step * 2 > count or _percent(size) > MAX_PERCENT
    if too_large or step * 100 < count * min_percent or 0 < _percent(size) < min_percent:
        raise invalid(
            f"{member} must be {min_percent}-50% of the variant's total instance count: "
            f"received {_size_text(size)} of {count} instance(s)."
        )
    return [*range(step, count, step), count]


def _rolling(
    policy: Json, counts: Mapping[str, int], old_counts: Mapping[str, int], alarms: tuple[str, ...]
) -> Rollout:
    """Return the steps of a rolling deployment; a rollback restores the whole old fleet.

    https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-rolling.html
    """
    if len(counts) > 1 or set(counts) != set(old_counts):
        raise invalid(
            "A rolling deployment is not supported for endpoints with several variants, nor for "
            "a configuration with another variant than before."
        )
    if "RollbackMaximumBatchSize" in policy:
        raise not_emulated("RollbackMaximumBatchSize")
    ((name, count),) = counts.items()
    size = policy["MaximumBatchSize"]
    steps = _step_sizes(size, count, "MaximumBatchSize", MIN_ROLLING_PERCENT)
    wait, limit = policy["WaitIntervalInSeconds"], policy.get("MaximumExecutionTimeoutInSeconds")
    variant_steps = tuple({name: n} for n in steps)
    return Rollout("ROLLING", variant_steps, wait, wait, limit, alarms, rolling=True)


def _percent(size: Json) -> int:
    return int(size["Value"]) if size["Type"] == "CAPACITY_PERCENT" else 0


def _size_text(size: Json) -> str:
    return f"{size['Value']}{'%' if size['Type'] == 'CAPACITY_PERCENT' else ''}"
