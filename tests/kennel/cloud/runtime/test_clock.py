"""Offline time: none of these tests waits, or cares how quick the machine is."""

import asyncio
import threading
import time

import pytest

from kennel.cloud.runtime.clock import Clock

HOUR = 3600.0


def test_it_starts_at_the_wall_clocks_time() -> None:
    assert abs(Clock().now() - time.time()) < 60


def test_a_standing_clock_moves_by_skips_only() -> None:
    clock = Clock(speed=0)
    before = clock.now()
    assert clock.now() == before
    clock.skip(90)
    assert clock.now() == before + 90


def test_a_sped_up_clock_wakes_a_sleeper_of_hours() -> None:
    async def sleep() -> float:
        clock = Clock(speed=1e6)
        before = clock.now()
        await clock.sleep(5 * HOUR)
        return clock.now() - before

    assert asyncio.run(sleep()) >= 5 * HOUR


def test_a_skip_wakes_only_those_whose_time_has_come() -> None:
    async def sleep() -> list[str]:
        clock, woken = Clock(speed=0), []

        async def sleeper(name: str, seconds: float) -> None:
            await clock.sleep(seconds)
            woken.append(name)

        tasks = [asyncio.create_task(sleeper("a", 60)), asyncio.create_task(sleeper("b", 120))]
        await asyncio.sleep(0)
        clock.skip(60)
        await tasks[0]
        assert woken == ["a"]
        clock.skip(60)
        await tasks[1]
        return woken

    assert asyncio.run(sleep()) == ["a", "b"]


def test_a_change_of_speed_and_a_skip_from_another_thread_reach_sleepers() -> None:
    async def sleep(change: str) -> None:
        clock = Clock(speed=0)
        task = asyncio.create_task(clock.sleep(HOUR))
        await asyncio.sleep(0)

        def act() -> None:
            if change == "skip":
                clock.skip(HOUR)
            else:
                clock.speed = 1e6

        thread = threading.Thread(target=act)
        thread.start()
        await task
        thread.join()

    asyncio.run(sleep("skip"))
    asyncio.run(sleep("speed"))


def test_time_does_not_jump_when_the_speed_changes() -> None:
    clock = Clock(speed=0)
    before = clock.now()
    clock.speed = 1
    clock.speed = 0
    assert 0 <= clock.now() - before < 60


def test_wait_for_gives_the_result_or_ends_the_work() -> None:
    async def work() -> None:
        clock, ended = Clock(speed=0), asyncio.Event()

        async def endless() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                ended.set()

        assert await clock.wait_for(asyncio.sleep(0, "done"), 1) == "done"
        waiting = asyncio.create_task(clock.wait_for(endless(), 600))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        clock.skip(600)
        with pytest.raises(TimeoutError):
            await waiting
        assert ended.is_set()

    asyncio.run(work())


@pytest.mark.parametrize("speed", [-1, float("nan"), 1e7])
def test_a_speed_that_no_clock_has_is_refused(speed: float) -> None:
    with pytest.raises(ValueError, match="speed"):
        Clock(speed)


def test_time_does_not_run_backwards() -> None:
    with pytest.raises(ValueError, match="cannot skip"):
        Clock().skip(-1)
