"""An execution may have 25,000 events in its history; the 25,001st ends it.

Computed from the definition itself: the longest of its loops, gone round for as long as an
execution may take, with whatever number of retries brings the most events in that time.
"""

import itertools
from typing import Any

import pytest

from preflight.checks import LONGEST_JOBS_S
from tests.machine import definition
from tests.stack import source
from tests.statemachine.test_shape import STATES, following

MOST_EVENTS = 25_000
SECONDS = definition()["TimeoutSeconds"]
POLL_S = source()["Parameters"]["PollSeconds"]["Default"]
#: Entered, scheduled, started, succeeded, exited; a retry schedules, starts and fails once more.
EVENTS = {"Task": 5, "Wait": 2, "Choice": 2, "Pass": 2}
RETRY_EVENTS = 3


def loops() -> list[list[str]]:
    """Find every way from a Wait back to it."""
    found = []

    def walk(path: list[str]) -> None:
        for name in following(STATES[path[-1]]):
            if name == path[0]:
                found.append(path)
            elif name not in path and STATES[name]["Type"] != "Fail":
                walk([*path, name])

    for name, state in STATES.items():
        if state["Type"] == "Wait":
            walk([name])
    return found


def most_events_a_second(loop: list[str]) -> float:
    """Try every number of retries of every task of a loop."""
    tasks = [STATES[name] for name in loop if STATES[name]["Type"] == "Task"]
    plain = sum(EVENTS[STATES[name]["Type"]] for name in loop)
    ways = itertools.product(*(range(task["Retry"][0]["MaxAttempts"] + 1) for task in tasks))
    found: float = max(
        (plain + RETRY_EVENTS * sum(way))
        / (POLL_S + sum(waited(task, times) for task, times in zip(tasks, way, strict=True)))
        for way in ways
    )
    return found


def waited(task: dict[str, Any], times: int) -> float:
    """Seconds between so many attempts."""
    retry = task["Retry"][0]
    return float(sum(retry["IntervalSeconds"] * retry["BackoffRate"] ** n for n in range(times)))


def once() -> int:
    """Events of all states that are in no loop, each with all of its retries."""
    looping = {name for loop in loops() for name in loop}
    return sum(
        EVENTS[state["Type"]]
        + RETRY_EVENTS * state.get("Retry", [{"MaxAttempts": 0}])[0]["MaxAttempts"]
        for name, state in STATES.items()
        if name not in looping and state["Type"] in EVENTS
    )


def test_loops_are_those_that_wait() -> None:
    waits = {loop[0] for loop in loops()}
    assert waits == {
        *("WaitForImage", "WaitForTuning", "WaitForTraining", "WaitForEndpoint", "WaitForCleanUp")
    }


def test_worst_case_stays_below_what_aws_keeps() -> None:
    worst = max(most_events_a_second(loop) for loop in loops())
    assert worst * SECONDS + once() < MOST_EVENTS


def test_it_would_not_if_polling_were_much_quicker(monkeypatch: pytest.MonkeyPatch) -> None:
    """The computation sees what it is for."""
    monkeypatch.setitem(globals(), "POLL_S", 10)
    worst = max(most_events_a_second(loop) for loop in loops())
    assert worst * SECONDS + once() > MOST_EVENTS


def test_preflight_leaves_the_release_an_hour_of_it() -> None:
    assert LONGEST_JOBS_S + 3600 <= SECONDS
