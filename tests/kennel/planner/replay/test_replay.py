"""A replay's traffic and prediction; `kennel plan --replay` itself runs for minutes."""

import numpy as np
import pytest

from kennel.cloud.cloud import Cloud
from kennel.planner.inputs.distributions import constant
from kennel.planner.inputs.settings import BIN_S, PlanSettings
from kennel.planner.inputs.traffic import Profile, parse
from kennel.planner.replay.comparison import THROTTLED_STATUSES, compare
from kennel.planner.replay.replay import BINS, ContendedSimulation, send, shortened

ALONE, BESIDE = constant(0.1), constant(0.4)


def predicted(seed: int = 0) -> ContendedSimulation:
    settings = PlanSettings(
        reserved=2, rate=1000.0, burst=1000, quota=10**6, minimum=1, maximum=1,
        service=constant(1e-6), cold_start=constant(0.0),
    )  # fmt: skip
    profile = Profile("short", BIN_S, np.full(BINS, 60.0), 0.0, counted=True)
    return ContendedSimulation(settings, profile, seed, [ALONE, BESIDE])


def test_an_execution_takes_as_long_as_its_company_makes_it() -> None:
    result = predicted().run()
    assert result.quantile(0.05) == pytest.approx(0.1, rel=0.05)
    assert result.quantile(0.99) == pytest.approx(0.4, rel=0.05)


def test_the_short_profile_keeps_the_course_and_its_spike() -> None:
    short = shortened(parse("spike:10,x8,2m", 6 * 3600), peak=20.0, seed=0)
    assert short.seconds == BINS * BIN_S
    counts = short.requests
    assert counts.max() > 5 * np.median(counts)
    assert 130 < counts.max() < 270  # about 20 a second for ten seconds
    assert (short.draw(0) == short.draw(1)).all()


@pytest.mark.rivals
def test_a_short_replay_meets_the_offline_cloud(cloud: Cloud) -> None:
    """Real requests, more at once than there are executions; how well they agree is not asked."""
    alone = send(cloud, clients=1, seconds=2.0)
    assert {response.status for response in alone} == {200}
    reserved = 5  # the template's own
    took = constant(float(np.mean([response.seconds for response in alone])))
    at_once = 12 * reserved
    responses = send(cloud, times=[0.0] * at_once + [2.0, 4.0, 6.0])
    assert len(responses) == at_once + 3
    answers = {response.status for response in responses}
    assert 200 in answers and answers & set(THROTTLED_STATUSES)
    assert answers <= {200, *THROTTLED_STATUSES}
    settings = PlanSettings(
        reserved=reserved, rate=1000.0, burst=1000, quota=10**6, minimum=1, maximum=1,
        service=constant(1e-6), cold_start=constant(0.0),
    )  # fmt: skip
    short = Profile("short", BIN_S, np.array([float(len(responses))]), 0.0, counted=True)
    comparison = compare(responses, [ContendedSimulation(settings, short, 0, [took]).run()])
    assert 0 < comparison.throttled < 1
    assert comparison.p95_s > 0 < comparison.predicted_p95_s
