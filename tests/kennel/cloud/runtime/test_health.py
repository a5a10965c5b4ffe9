"""Background loops that fail start again, and unhealthy parts are reported by name."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from datetime import datetime

from kennel.cloud.runtime.health import Health, keep_running


def supervise(work: Callable[[], Awaitable[None]], health: Health) -> None:
    """Run a loop until it returns, in milliseconds instead of seconds."""
    asyncio.run(keep_running("loop", work, health, stable_seconds=0.1, first_pause=0.01))


def test_what_is_not_well_is_described_and_reported_once() -> None:
    lines: list[str] = []
    health = Health(lines.append)
    assert health.describe() == {"ok": True, "not_well": {}}
    health.unwell("alarms", "first")
    health.unwell("alarms", "second")
    described = health.describe()
    assert not described["ok"]
    assert described["not_well"]["alarms"]["reason"] == "second"
    assert datetime.fromisoformat(described["not_well"]["alarms"]["since"]).tzinfo
    health.well("alarms")
    health.well("alarms")
    assert health.describe()["ok"]
    assert lines == ["not well: alarms: first", "well again: alarms, after 0 s"]


def test_loop_that_fails_starts_again_with_growing_pauses() -> None:
    lines: list[str] = []
    starts: list[float] = []

    async def fails_thrice() -> None:
        starts.append(asyncio.get_running_loop().time())
        if len(starts) <= 3:
            raise ValueError(f"failure {len(starts)}")

    health = Health(lines.append)
    supervise(fails_thrice, health)
    pauses = [after - before for before, after in itertools.pairwise(starts)]
    assert [p >= wanted for p, wanted in zip(pauses, (0.01, 0.02, 0.04), strict=True)] == [True] * 3
    assert lines[0].startswith("not well: loop: ValueError: failure 1")
    assert len(lines) == 2
    assert health.describe()["ok"]


def test_loop_that_runs_again_for_a_while_is_well() -> None:
    lines: list[str] = []
    health = Health(lines.append)
    runs = 0

    async def fails_once() -> None:
        nonlocal runs
        runs += 1
        if runs == 1:
            raise ValueError
        assert not health.describe()["ok"]
        while not health.describe()["ok"]:
            await asyncio.sleep(0.01)

    supervise(fails_once, health)
    assert runs == 2
    assert lines[1] == "well again: loop, after 0 s"
