"""Steps of a DeploymentConfig, and configurations that are refused."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kennel.cloud.runtime.errors import ServiceError
from kennel.cloud.sagemaker.endpoints.deployment_config import rollout_of


def config(kind: str, size: tuple[str, int] | None = None, **policy: Any) -> dict[str, Any]:
    routing: dict[str, Any] = {"Type": kind, "WaitIntervalInSeconds": policy.pop("wait", 60)}
    if size:
        member = {"CANARY": "CanarySize", "LINEAR": "LinearStepSize"}[kind]
        routing[member] = {"Type": size[0], "Value": size[1]}
    return {"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing, **policy}}


def steps(deployment_config: dict[str, Any] | None, count: int) -> list[int]:
    rollout = rollout_of(deployment_config, {"A": count}, {"A": count})
    return [each["A"] for each in rollout.steps]


@pytest.mark.parametrize(
    ("deployment_config", "count", "expected"),
    [
        (None, 3, [3]),
        (config("ALL_AT_ONCE"), 1, [1]),
        (config("CANARY", ("INSTANCE_COUNT", 2)), 4, [2, 4]),
        (config("CANARY", ("CAPACITY_PERCENT", 50)), 3, [1, 3]),
        (config("CANARY", ("CAPACITY_PERCENT", 5)), 10, [1, 10]),
        (config("LINEAR", ("INSTANCE_COUNT", 2)), 5, [2, 4, 5]),
        (config("LINEAR", ("CAPACITY_PERCENT", 10)), 20, list(range(2, 21, 2))),
    ],
)
def test_steps(deployment_config: dict[str, Any] | None, count: int, expected: list[int]) -> None:
    assert steps(deployment_config, count) == expected


@pytest.mark.parametrize(
    ("deployment_config", "count", "words"),
    [
        (config("CANARY", ("INSTANCE_COUNT", 1)), 1, "CanarySize must be less than or equal to 50"),
        (config("CANARY", ("CAPACITY_PERCENT", 50)), 1, "received 50% of 1 instance"),
        (config("CANARY", ("CAPACITY_PERCENT", 51)), 100, "received 51% of 100"),
        (config("CANARY", ("INSTANCE_COUNT", 3)), 5, "received 3 of 5"),
        (config("LINEAR", ("CAPACITY_PERCENT", 9)), 100, "LinearStepSize must be 10-50%"),
        (config("LINEAR", ("INSTANCE_COUNT", 1)), 1, "LinearStepSize must be 10-50%"),
        (config("CANARY"), 2, "needs CanarySize alone"),
        (config("LINEAR"), 2, "needs LinearStepSize alone"),
        (
            config(
                "CANARY",
                ("INSTANCE_COUNT", 1),
                wait=300,
                TerminationWaitInSeconds=300,
                MaximumExecutionTimeoutInSeconds=600,
            ),
            2,
            "must be larger than the total waiting time",
        ),
    ],
)
def test_a_config_that_the_documentation_excludes_is_refused(
    deployment_config: dict[str, Any], count: int, words: str
) -> None:
    with pytest.raises(ServiceError, match=words) as raised:
        steps(deployment_config, count)
    assert raised.value.code == "ValidationException"


def test_a_traffic_shift_requires_the_same_variants() -> None:
    canary = config("CANARY", ("INSTANCE_COUNT", 1))
    with pytest.raises(ServiceError, match="same variant names"):
        rollout_of(canary, {"B": 2}, {"A": 2})
    assert rollout_of(None, {"B": 2}, {"A": 2}).steps == ({"B": 2},)


def rolling(kind: str, value: int, **more: Any) -> dict[str, Any]:
    size = {"Type": kind, "Value": value}
    return {"RollingUpdatePolicy": {"MaximumBatchSize": size, "WaitIntervalInSeconds": 30, **more}}


def test_a_rolling_update_has_batches() -> None:
    rollout = rollout_of(rolling("INSTANCE_COUNT", 2), {"A": 5}, {"A": 5})
    assert rollout.rolling
    assert [each["A"] for each in rollout.steps] == [2, 4, 5]
    assert (rollout.wait, rollout.final_wait) == (30, 30)
    assert steps(rolling("CAPACITY_PERCENT", 50), 2) == [1, 2]


def test_a_rolling_update_refuses_other_settings() -> None:
    with pytest.raises(ServiceError, match="MaximumBatchSize must be 5-50%"):
        steps(rolling("CAPACITY_PERCENT", 4), 100)
    with pytest.raises(ServiceError, match="MaximumBatchSize must be 5-50%"):
        steps(rolling("INSTANCE_COUNT", 1), 1)
    with pytest.raises(ServiceError, match="Only one of"):
        steps(rolling("INSTANCE_COUNT", 1) | config("ALL_AT_ONCE"), 2)
    with pytest.raises(ServiceError, match="several variants"):
        rollout_of(rolling("INSTANCE_COUNT", 1), {"A": 2, "B": 2}, {"A": 2, "B": 2})
    back = {"RollbackMaximumBatchSize": {"Type": "INSTANCE_COUNT", "Value": 1}}
    with pytest.raises(ServiceError, match="RollbackMaximumBatchSize") as raised:
        steps(rolling("INSTANCE_COUNT", 1, **back), 2)
    assert raised.value.code == "NotImplementedOffline"


@given(
    count=st.integers(1, 60),
    kind=st.sampled_from(["CANARY", "LINEAR"]),
    size=st.tuples(st.sampled_from(["INSTANCE_COUNT", "CAPACITY_PERCENT"]), st.integers(1, 100)),
)
def test_steps_grow_from_at_most_half_to_all(count: int, kind: str, size: tuple[str, int]) -> None:
    try:
        counts = steps(config(kind, size), count)
    except ServiceError:
        return
    assert counts[-1] == count
    assert counts == sorted(set(counts))
    assert 0 < counts[0] * 2 <= count
