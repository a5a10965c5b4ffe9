"""The history of an execution stays below 25,000 events; AWS fails an execution that exceeds them.

The bound is computed from the definition: the polling loop with the most events per second, run for
as long as an execution may take, with the number of retries that gives the most events.
"""

import itertools
from typing import Any

import pytest

from preflight.checks import LONGEST_JOBS_S
from tests.machine import definition
from tests.stack import source
from tests.statemachine.test_shape import STATES, following

MAX_EVENTS = 25_000
SECONDS = definition()["TimeoutSeconds"]
POLL_S = source()["Parameters"]["PollSeconds"]["Default"]
#: Entered, scheduled, started, succeeded, exited; a retry adds scheduled, started, failed.
EVENTS = {"Task": 5, "Wait": 2, "Choice": 2, "Pass": 2}
RETRY_EVENTS = 3


def loops() -> list[list[str]]:
    """Find every path from a Wait state back to it."""
    paths = []

    def walk(path: list[str]) -> None:
        for name in following(STATES[path[-1]]):
            if name == path[0]:
                paths.append(path)
            elif name not in path and STATES[name]["Type"] != "Fail":
                walk([*path, name])

    for name, state in STATES.items():
        if state["Type"] == "Wait":
            walk([name])
    return paths


def max_events_per_second(loop: list[str]) -> float:
    """Return the maximum over every number of retries of every task of a loop."""
    tasks = [STATES[name] for name in loop if STATES[name]["Type"] == "Task"]
    plain = sum(EVENTS[STATES[name]["Type"]] for name in loop)
    retries = itertools.product(*(range(task["Retry"][0]["MaxAttempts"] + 1) for task in tasks))
    rate: float = max(
        (plain + RETRY_EVENTS * sum(counts))
        / (POLL_S + sum(waited(task, times) for task, times in zip(tasks, counts, strict=True)))
        for counts in retries
    )
    return rate


def waited(task: dict[str, Any], times: int) -> float:
    """Return the seconds waited for this many retries."""
    retry = task["Retry"][0]
    return float(sum(retry["IntervalSeconds"] * retry["BackoffRate"] ** n for n in range(times)))


def once() -> int:
    """Return the events of all states outside loops, each with all of its retries."""
    looping = {name for loop in loops() for name in loop}
    return sum(
        EVENTS[state["Type"]]
        + RETRY_EVENTS * state.get("Retry", [{"MaxAttempts": 0}])[0]["MaxAttempts"]
        for name, state in STATES.items()
        if name not in looping and state["Type"] in EVENTS
    )


def test_every_loop_has_a_wait() -> None:
    waits = {loop[0] for loop in loops()}
    assert waits == {
        *("WaitForImage", "WaitForTuning", "WaitForTraining", "WaitForEndpoint", "WaitForCleanUp")
    }


def test_worst_case_stays_below_the_limit() -> None:
    worst = max(max_events_per_second(loop) for loop in loops())
    assert worst * SECONDS + once() < MAX_EVENTS


def test_worst_case_exceeds_the_limit_with_faster_polling(monkeypatch: pytest.MonkeyPatch) -> None:
    """The computation depends on the polling interval."""
    monkeypatch.setitem(globals(), "POLL_S", 10)
    worst = max(max_events_per_second(loop) for loop in loops())
    assert worst * SECONDS + once() > MAX_EVENTS


def test_preflight_leaves_an_hour_for_the_release() -> None:
    assert LONGEST_JOBS_S + 3600 <= SECONDS
