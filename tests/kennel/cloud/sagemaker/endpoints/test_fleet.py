"""Who gets the next request: fleets by weight, instances by how busy they are."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from kennel.cloud.runtime.clock import Clock
from kennel.cloud.sagemaker.endpoints.fleet import Fleet
from kennel.cloud.sagemaker.endpoints.instance import Instance
from kennel.cloud.sagemaker.endpoints.round_robin import WeightedRoundRobin


async def no_start(number: int) -> Instance:
    raise AssertionError("nothing is started here")


def fleet(name: str = "A") -> Fleet:
    return Fleet(name, "c", no_start, Clock(speed=0))


class Busy:
    """What `Fleet.pick` sees of an instance."""

    alive = True

    def __init__(self, in_flight: int = 0) -> None:
        self.in_flight, self.last_pick = in_flight, 0


def with_instances(*instances: Busy) -> Fleet:
    made = fleet()
    seen: list[Any] = list(instances)
    made.instances = seen
    return made


def picks(fleet: Fleet, count: int = 1) -> list[Any]:
    return [fleet.pick() for _ in range(count)]


@given(st.lists(st.integers(0, 5), min_size=1, max_size=4).filter(any))
def test_turns_give_each_its_share_in_every_round(weights: list[int]) -> None:
    fleets = [fleet(str(number)) for number in range(len(weights))]
    round_robin = WeightedRoundRobin()
    for _ in range(3):
        weighted = [(each, float(weight)) for each, weight in zip(fleets, weights, strict=True)]
        chosen = [round_robin.choose(weighted) for _ in range(sum(weights))]
        assert [chosen.count(each) for each in fleets] == weights


def test_without_any_weight_nobody_is_chosen() -> None:
    assert WeightedRoundRobin().choose([]) is None
    assert WeightedRoundRobin().choose([(fleet(), 0.0)]) is None


def test_a_fleet_that_joins_gets_its_share_at_once() -> None:
    old, new, round_robin = fleet("old"), fleet("new"), WeightedRoundRobin()
    for _ in range(7):
        assert round_robin.choose([(old, 1.0)]) is old
    chosen = [round_robin.choose([(old, 0.5), (new, 0.5)]) for _ in range(10)]
    assert chosen.count(new) == 5


def test_equal_instances_take_turns_and_a_busy_one_waits() -> None:
    one, two, three = Busy(), Busy(), Busy(in_flight=2)
    made = with_instances(one, two, three)
    assert picks(made, 4) == [one, two, one, two]
    one.in_flight = two.in_flight = 3
    assert picks(made) == [three]


def test_only_active_and_living_instances_are_picked() -> None:
    one, two = Busy(), Busy()
    made = with_instances(one, two)
    made.active = 1
    assert picks(made, 2) == [one, one]
    one.alive = False
    assert picks(made) == [None]
