"""A replay compared with its prediction; `kennel plan --replay` itself runs for minutes."""

from pathlib import Path

import numpy as np
import pytest

from kennel.cloud.cloud import Cloud
from kennel.errors import KennelError
from kennel.planner.inputs.distributions import constant
from kennel.planner.inputs.settings import BIN_S, Settings
from kennel.planner.inputs.traffic import Profile, parse
from kennel.planner.replay.replay import STEPS, THROTTLES, Contended, _send, compare, shortened
from kennel.planner.replay.report import draw

ALONE, BESIDE = constant(0.1), constant(0.4)


def predicted(seed: int = 0) -> Contended:
    settings = Settings(
        reserved=2, rate=1000.0, burst=1000, quota=10**6, minimum=1, maximum=1,
        service=constant(1e-6), cold_start=constant(0.0),
    )  # fmt: skip
    profile = Profile("short", BIN_S, np.full(STEPS, 60.0), 0.0, counted=True)
    return Contended(settings, profile, seed, [ALONE, BESIDE])


def test_an_execution_takes_as_long_as_its_company_makes_it() -> None:
    result = predicted().run()
    assert result.quantile(0.05) == pytest.approx(0.1, rel=0.05)
    assert result.quantile(0.99) == pytest.approx(0.4, rel=0.05)


def test_a_replay_that_goes_as_predicted_is_within() -> None:
    result = predicted().run()
    away = round(720 * result.throttled)
    seen = [(0.1 * n, 503 if n < away else 200, result.quantile(0.95)) for n in range(720)]
    found = compare(seen, [result])
    assert found["throttled_ratio"] == pytest.approx(1, abs=0.01)
    assert found["p95_ratio"] == pytest.approx(1, abs=0.01)
    assert found["within_15_percent"]


def test_a_replay_that_throttles_a_fifth_more_is_not() -> None:
    result = predicted().run()
    away = round(720 * result.throttled * 1.2)
    seen = [(0.1 * n, 429 if n < away else 200, result.quantile(0.95)) for n in range(720)]
    assert not compare(seen, [result])["within_15_percent"]


def test_an_answer_that_is_neither_good_nor_a_throttle_stops_it() -> None:
    with pytest.raises(KennelError, match=r"answered \[0, 500\]"):
        compare([(0.0, 200, 0.1), (0.1, 500, 0.1), (0.2, 0, 0.1)], [predicted().run()])


def test_the_short_profile_keeps_the_course_and_its_spike() -> None:
    short = shortened(parse("spike:10,x8,2m", 6 * 3600), peak=20.0, seed=0)
    assert short.seconds == STEPS * BIN_S
    counts = short.requests
    assert counts.max() > 5 * np.median(counts)
    assert 130 < counts.max() < 270  # about 20 a second for ten seconds
    assert (short.draw(0) == short.draw(1)).all()


def test_the_drawing_holds_both(tmp_path: Path) -> None:
    result = predicted().run()
    seen = [(0.1 * n, 503 if n % 9 == 0 else 200, 0.1) for n in range(720)]
    draw(tmp_path / "replay.html", seen, [result], compare(seen, [result]))
    page = (tmp_path / "replay.html").read_text()
    assert "throttled, measured" in page
    assert "720 real requests" in page
    assert page.count("<tr>") == 7


@pytest.mark.rivals
def test_a_short_replay_meets_the_offline_cloud(cloud: Cloud) -> None:
    """Real requests, more at once than there are executions; how well they agree is not asked."""
    alone = _send(cloud, clients=1, seconds=2.0)
    assert {status for _, status, _ in alone} == {200}
    reserved = 5  # the template's own
    took = constant(float(np.mean([seconds for _, _, seconds in alone])))
    at_once = 12 * reserved
    seen = _send(cloud, times=[0.0] * at_once + [2.0, 4.0, 6.0])
    assert len(seen) == at_once + 3
    answers = {status for _, status, _ in seen}
    assert 200 in answers and answers & set(THROTTLES)
    assert answers <= {200, *THROTTLES}
    settings = Settings(
        reserved=reserved, rate=1000.0, burst=1000, quota=10**6, minimum=1, maximum=1,
        service=constant(1e-6), cold_start=constant(0.0),
    )  # fmt: skip
    short = Profile("short", BIN_S, np.array([float(len(seen))]), 0.0, counted=True)
    found = compare(seen, [Contended(settings, short, 0, [took]).run()])
    assert 0 < found["throttled"] < 1
    assert found["p95_s"] > 0 < found["predicted_p95_s"]
