"""Pick the next instance of a fleet by its open requests."""

import asyncio
from typing import Any

from kennel.cloud.runtime.clock import Clock
from kennel.cloud.sagemaker.endpoints.fleet import Fleet
from kennel.cloud.sagemaker.endpoints.instance import Instance


async def no_start(number: int) -> Instance:
    raise AssertionError(f"no instance is started in these tests: received number {number}")


def fleet(name: str = "A") -> Fleet:
    return Fleet(name, "c", no_start, Clock(speed=0))


class Busy:
    """The members of an instance that `Fleet.pick` reads."""

    alive = True

    def __init__(self, in_flight: int = 0) -> None:
        self.in_flight, self.last_pick = in_flight, 0


def with_instances(*instances: Busy) -> Fleet:
    busy_fleet = fleet()
    seen: list[Any] = list(instances)
    busy_fleet.instances = seen
    return busy_fleet


def picks(fleet: Fleet, count: int = 1) -> list[Any]:
    return [fleet.pick() for _ in range(count)]


def test_equal_instances_take_turns_and_a_busy_one_waits() -> None:
    one, two, three = Busy(), Busy(), Busy(in_flight=2)
    busy_fleet = with_instances(one, two, three)
    assert picks(busy_fleet, 4) == [one, two, one, two]
    one.in_flight = two.in_flight = 3
    assert picks(busy_fleet) == [three]


def test_only_active_and_living_instances_are_picked() -> None:
    one, two = Busy(), Busy()
    busy_fleet = with_instances(one, two)
    busy_fleet.active = 1
    assert picks(busy_fleet, 2) == [one, one]
    one.alive = False
    assert picks(busy_fleet) == [None]


def test_a_fleet_that_ends_for_good_says_so() -> None:
    ended: list[str] = []

    async def run() -> None:
        retired = Fleet("A", "c", no_start, Clock(speed=0), on_end=lambda: ended.append("retired"))
        await retired.resize(0)
        assert ended == []
        await retired.retire()
        stopped = Fleet("A", "c", no_start, Clock(speed=0), on_end=lambda: ended.append("stopped"))
        await stopped.stop()

    asyncio.run(run())
    assert ended == ["retired", "stopped"]
