"""Profiles that are written and not counted."""

import numpy as np
import pytest

from kennel.planner.errors import BadPlan
from kennel.planner.inputs.traffic import DAY, length, parse


def test_a_constant_rate() -> None:
    found = parse("constant:20", 1800)
    assert found.requests.tolist() == [1200.0] * 30
    assert (found.seconds, found.peak) == (1800, 20.0)


def test_a_day_has_its_mean_and_its_peak_at_three_in_the_afternoon() -> None:
    found = parse("daily:10,swing=0.5", DAY)
    assert found.requests.sum() == pytest.approx(10 * DAY)
    assert found.peak == pytest.approx(15, rel=1e-3)
    assert int(found.requests.argmax()) // 60 in {14, 15}


def test_a_spike_lasts_as_long_as_it_says() -> None:
    found = parse("spike:10,x8,5m", 3600)
    assert (found.requests > 600).sum() == 5
    assert found.peak == 80


def test_draws_are_poisson_and_repeatable() -> None:
    found = parse("constant:50", DAY)
    drawn = found.draw(1)
    assert len(drawn) == DAY // 10
    assert drawn.mean() == pytest.approx(500, rel=0.005)
    assert drawn.var() == pytest.approx(500, rel=0.1)
    assert (drawn == found.draw(1)).all()
    assert (drawn != found.draw(2)).any()


@pytest.mark.parametrize("text", ["constant", "constant:-5", "daily:x", "spike:10,8,5m", "20"])
def test_what_is_no_profile_is_told_the_forms(text: str) -> None:
    with pytest.raises(BadPlan, match="write constant:20, daily:20"):
        parse(text, 3600)


def test_traffic_of_nothing_or_less() -> None:
    with pytest.raises(BadPlan, match="no request at all"):
        parse("constant:0", 3600)
    with pytest.raises(BadPlan, match="would make traffic negative"):
        parse("daily:5,swing=1.5", DAY)


@pytest.mark.parametrize(("text", "seconds"), [("30m", 1800), ("6h", 21_600), ("2w", 14 * DAY)])
def test_lengths(text: str, seconds: int) -> None:
    assert length(text) == seconds


@pytest.mark.parametrize("text", ["", "5", "1y", "0m", "500d"])
def test_what_is_no_length(text: str) -> None:
    with pytest.raises(BadPlan, match="no length of time"):
        length(text)


def test_a_part_of_a_profile_keeps_its_time() -> None:
    found = parse("daily:10", DAY).part(3600, 600)
    assert (found.seconds, found.start) == (600, 3600.0)
    assert np.array_equal(found.requests, parse("daily:10", DAY).requests[60:70])
