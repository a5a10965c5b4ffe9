"""Choose the next fleet by its weight."""

from hypothesis import given
from hypothesis import strategies as st

from kennel.cloud.runtime.clock import Clock
from kennel.cloud.sagemaker.endpoints.fleet import Fleet
from kennel.cloud.sagemaker.endpoints.instance import Instance
from kennel.cloud.sagemaker.endpoints.round_robin import WeightedRoundRobin


async def no_start(number: int) -> Instance:
    raise AssertionError(f"no instance is started in these tests: received number {number}")


def fleet(name: str = "A") -> Fleet:
    return Fleet(name, "c", no_start, Clock(speed=0))


@given(st.lists(st.integers(0, 5), min_size=1, max_size=4).filter(any))
def test_every_round_gives_each_fleet_its_share(weights: list[int]) -> None:
    fleets = [fleet(str(number)) for number in range(len(weights))]
    round_robin = WeightedRoundRobin()
    for _ in range(3):
        weighted = [(each, float(weight)) for each, weight in zip(fleets, weights, strict=True)]
        chosen = [round_robin.choose(weighted) for _ in range(sum(weights))]
        assert [chosen.count(each) for each in fleets] == weights


def test_without_any_weight_no_fleet_is_chosen() -> None:
    assert WeightedRoundRobin().choose([]) is None
    assert WeightedRoundRobin().choose([(fleet(), 0.0)]) is None


def test_a_fleet_that_joins_gets_its_share_at_once() -> None:
    old, new, round_robin = fleet("old"), fleet("new"), WeightedRoundRobin()
    for _ in range(7):
        assert round_robin.choose([(old, 1.0)]) is old
    chosen = [round_robin.choose([(old, 0.5), (new, 0.5)]) for _ in range(10)]
    assert chosen.count(new) == 5
