"""Traffic profiles that are given as text."""

import numpy as np
import pytest

from kennel.planner.errors import PlanError
from kennel.planner.inputs.traffic import DAY, parse, parse_length


def test_a_constant_rate() -> None:
    profile = parse("constant:20", 1800)
    assert profile.requests.tolist() == [1200.0] * 30
    assert (profile.seconds, profile.peak) == (1800, 20.0)


def test_a_day_has_its_mean_and_its_peak_at_three_in_the_afternoon() -> None:
    profile = parse("daily:10,swing=0.5", DAY)
    assert profile.requests.sum() == pytest.approx(10 * DAY)
    assert profile.peak == pytest.approx(15, rel=1e-3)
    assert int(profile.requests.argmax()) // 60 in {14, 15}


def test_a_spike_lasts_as_long_as_it_says() -> None:
    profile = parse("spike:10,x8,5m", 3600)
    assert (profile.requests > 600).sum() == 5
    assert profile.peak == 80


def test_draws_are_poisson_and_repeatable() -> None:
    profile = parse("constant:50", DAY)
    drawn = profile.draw(1)
    assert len(drawn) == DAY // 10
    assert drawn.mean() == pytest.approx(500, rel=0.005)
    assert drawn.var() == pytest.approx(500, rel=0.1)
    assert (drawn == profile.draw(1)).all()
    assert (drawn != profile.draw(2)).any()


@pytest.mark.parametrize("text", ["constant", "constant:-5", "daily:x", "spike:10,8,5m", "20"])
def test_what_is_no_profile(text: str) -> None:
    with pytest.raises(PlanError, match="write constant:20, daily:20"):
        parse(text, 3600)


def test_traffic_of_nothing_or_less() -> None:
    with pytest.raises(PlanError, match="contains no request"):
        parse("constant:0", 3600)
    with pytest.raises(PlanError, match="would make traffic negative"):
        parse("daily:5,swing=1.5", DAY)


@pytest.mark.parametrize(("text", "seconds"), [("30m", 1800), ("6h", 21_600), ("2w", 14 * DAY)])
def test_lengths(text: str, seconds: int) -> None:
    assert parse_length(text) == seconds


@pytest.mark.parametrize("text", ["", "5", "1y", "0m", "500d"])
def test_what_is_no_length(text: str) -> None:
    with pytest.raises(PlanError, match="not a length of time"):
        parse_length(text)


def test_a_part_of_a_profile_keeps_its_time() -> None:
    profile = parse("daily:10", DAY).part(3600, 600)
    assert (profile.seconds, profile.start) == (600, 3600.0)
    assert np.array_equal(profile.requests, parse("daily:10", DAY).requests[60:70])
