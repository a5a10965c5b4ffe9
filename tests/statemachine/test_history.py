"""The history of an execution stays below 25,000 events; AWS fails an execution that exceeds them.

The bound is computed from the definition: the polling loop with the most events per second, run for
as long as an execution may take, with the number of retries that gives the most events.
"""

import itertools
import math
from typing import Any

import pytest

from preflight.checks import LONGEST_JOBS_S
from tests.machine import DEFINITIONS, definition
from tests.stack import source
from tests.statemachine.test_shape import following

MAX_EVENTS = 25_000
#: Passed at most once: it leaves a mark in the data, with which IsCleanedUp goes on to Done.
ONCE = {"WaitForFunctions"}
POLL_S = source()["Parameters"]["PollSeconds"]["Default"]
#: Entered, scheduled, started, succeeded, exited; a retry adds scheduled, started, failed.
EVENTS = {"Task": 5, "Wait": 2, "Choice": 2, "Pass": 2}
RETRY_EVENTS = 3

States = dict[str, dict[str, Any]]


def loops(states: States) -> list[list[str]]:
    """Find every path from a Wait state back to it that can be repeated."""
    paths = []

    def walk(path: list[str]) -> None:
        for name in following(states[path[-1]]):
            if name == path[0]:
                paths.append(path)
            elif name not in path and states[name]["Type"] != "Fail" and name not in ONCE:
                walk([*path, name])

    for name, state in states.items():
        if state["Type"] == "Wait" and name not in ONCE:
            walk([name])
    return paths


def max_events_per_second(states: States, loop: list[str]) -> float:
    """Return the maximum over every number of retries of every task of a loop."""
    retriers = [each for name in loop for each in states[name].get("Retry", [])]
    plain = sum(EVENTS[states[name]["Type"]] for name in loop)
    retries = itertools.product(*(range(each["MaxAttempts"] + 1) for each in retriers))
    rate: float = max(
        (plain + RETRY_EVENTS * sum(counts))
        / (POLL_S + sum(waited(each, times) for each, times in zip(retriers, counts, strict=True)))
        for counts in retries
    )
    return rate


def delays(retrier: dict[str, Any]) -> list[float]:
    """Return the longest wait before each retry, in seconds."""
    return [
        min(
            retrier["IntervalSeconds"] * retrier["BackoffRate"] ** n,
            retrier.get("MaxDelaySeconds", math.inf),
        )
        for n in range(retrier["MaxAttempts"])
    ]


def waited(retrier: dict[str, Any], times: int) -> float:
    """Return the seconds waited for this many retries, with jitter on average."""
    share = 0.5 if retrier.get("JitterStrategy") == "FULL" else 1.0
    return share * sum(delays(retrier)[:times])


def once(states: States) -> int:
    """Return the events of all states outside loops, each with all of its retries."""
    looping = {name for loop in loops(states) for name in loop}
    return sum(
        EVENTS[state["Type"]]
        + RETRY_EVENTS * sum(each["MaxAttempts"] for each in state.get("Retry", []))
        for name, state in states.items()
        if name not in looping and state["Type"] in EVENTS
    )


def worst_case(machine: str) -> float:
    """Return the most events that an execution of a state machine can have."""
    states: States = definition(machine)["States"]
    seconds: int = definition(machine)["TimeoutSeconds"]
    worst = max(max_events_per_second(states, loop) for loop in loops(states))
    return worst * seconds + once(states)


def test_every_loop_has_a_wait() -> None:
    waits = {loop[0] for machine in DEFINITIONS for loop in loops(definition(machine)["States"])}
    assert waits == {
        *("WaitForImage", "WaitForTuning", "WaitForTraining", "WaitForEndpoint", "WaitForCleanUp")
    }


@pytest.mark.parametrize("machine", DEFINITIONS)
def test_worst_case_stays_below_the_limit(machine: str) -> None:
    assert worst_case(machine) < MAX_EVENTS


def test_worst_case_exceeds_the_limit_with_faster_polling(monkeypatch: pytest.MonkeyPatch) -> None:
    """The computation depends on the polling interval."""
    monkeypatch.setitem(globals(), "POLL_S", 10)
    assert worst_case("TrainAndDeploy") > MAX_EVENTS


def test_preflight_leaves_an_hour_for_the_release() -> None:
    assert definition()["TimeoutSeconds"] >= LONGEST_JOBS_S + 3600
