"""Faults that wait for their calls."""

import pytest

from kennel.cloud.runtime.faults import Fault, Faults
from kennel.errors import KennelError


def test_a_fault_meets_as_many_calls_as_it_says_and_the_oldest_comes_first() -> None:
    faults = Faults([Fault("CreateTrainingJob", "fail", "one", times=2)])
    faults.add(Fault("CreateTrainingJob", "capacity"))
    assert faults.take("CreateEndpoint") is None
    hows = [faults.take("CreateTrainingJob") for _ in range(4)]
    assert [each and each.how for each in hows] == ["fail", "fail", "capacity", None]


def test_a_fault_may_wait_for_a_name_and_a_taker_for_a_kind() -> None:
    faults = Faults([Fault("CreateTrainingJob", "throttle", name="k-*-train")])
    assert faults.take("CreateTrainingJob", "other") is None
    assert faults.take("CreateTrainingJob", "k-1-train", "fail") is None
    assert faults.waiting()[0]["how"] == "throttle"
    assert faults.take("CreateTrainingJob", "k-1-train", "throttle")
    assert faults.waiting() == []


@pytest.mark.parametrize(
    "value",
    [
        {},
        [],
        {"on": "CreateTrainingJob"},
        {"on": "CreateTrainingJob", "how": "explode"},
        {"on": "CreateTrainingJob", "how": "fail", "times": 0},
        {"on": "CreateTrainingJob", "how": "fail", "when": "later"},
    ],
)
def test_what_is_no_fault_is_refused_in_one_sentence(value: object) -> None:
    with pytest.raises(KennelError, match="expected a JSON object with on, how"):
        Fault.read(value)  # type: ignore[arg-type]


def test_a_fault_is_read_from_json() -> None:
    fault = {"on": "InvokeEndpoint", "how": "lose", "times": 3}
    assert Fault.read(fault) == Fault("InvokeEndpoint", "lose", "", 3, "*")
