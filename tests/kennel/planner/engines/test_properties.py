"""Properties of both engines that hold for any settings and any traffic."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kennel.planner.engines.analytic import estimate
from kennel.planner.engines.result import (
    ANSWERED,
    LIMITED,
    NO_EXECUTION,
    OVER_QUOTA,
    QUEUE_FULL,
    Result,
)
from kennel.planner.engines.simulation import simulate
from kennel.planner.inputs.distributions import constant, lognormal_of_mean
from kennel.planner.inputs.settings import BIN_S, PlanSettings
from kennel.planner.inputs.traffic import Profile

BOUNDED = settings(
    max_examples=10, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)

profiles = st.lists(st.integers(0, 900), min_size=2, max_size=5).filter(any).map(
    lambda counts: Profile("drawn", 60, np.array(counts, dtype=float), 0.0, counted=True)
)  # fmt: skip


@st.composite
def plans(draw: st.DrawFn) -> PlanSettings:
    minimum = draw(st.integers(1, 3))
    workers = draw(st.integers(1, 3))
    return PlanSettings(
        reserved=draw(st.integers(1, 12)),
        rate=draw(st.floats(1, 40)),
        burst=draw(st.integers(1, 40)),
        quota=draw(st.sampled_from([50, 500, 10**9])),
        minimum=minimum,
        maximum=minimum + draw(st.integers(0, 3)),
        target=draw(st.floats(20, 900)),
        service=lognormal_of_mean(draw(st.floats(0.005, 0.6)), draw(st.floats(0.05, 1.2))),
        work=lognormal_of_mean(draw(st.floats(0.01, 0.3)), 0.4),
        workers=workers,
        queue=workers + draw(st.integers(0, 20)),
        retries=draw(st.integers(0, 3)),
        timeout=draw(st.sampled_from([0.5, 10.0])),
        start=constant(draw(st.floats(10, 300))),
        provisioned=0,
        keep_warm=draw(st.sampled_from([5.0, 600.0])),
        metric=draw(st.sampled_from(["invocations", "concurrency"])),
    )


def conserved(result: Result, came: int) -> None:
    assert result.outcomes.min() >= -1e-9
    assert result.requests == pytest.approx(came, rel=1e-9)
    assert result.histogram.sum() == pytest.approx(result.outcomes[ANSWERED].sum(), rel=1e-6)
    assert (result.paid >= result.in_service).all()
    assert (result.in_service >= result.settings.minimum).all()
    assert (result.paid <= result.settings.maximum).all()
    assert result.attempts >= came - 1e-6


@BOUNDED
@given(plans(), profiles, st.integers(0, 5))
def test_every_request_ends_exactly_once_in_the_simulation(
    plan: PlanSettings, profile: Profile, seed: int
) -> None:
    result = simulate(plan, profile, seed)
    conserved(result, int(profile.requests.sum()))
    assert result.outcomes.sum() == profile.requests.sum()  # of whole requests, to the last one
    assert float(result.executions.sum()) * BIN_S == pytest.approx(result.busy_seconds)


@BOUNDED
@given(plans(), profiles, st.integers(0, 5))
def test_every_request_ends_exactly_once_in_the_analytic_engine(
    plan: PlanSettings, profile: Profile, seed: int
) -> None:
    conserved(estimate(plan, profile, seed), int(profile.requests.sum()))


@BOUNDED
@given(plans(), profiles, st.sampled_from(["reserved", "rate", "burst", "quota"]))
def test_more_capacity_never_throttles_more_in_the_analytic_engine(
    plan: PlanSettings, profile: Profile, limit: str
) -> None:
    # Without scaling and retries, which react to what happens and may go either way.
    plan = replace(plan, retries=0, maximum=plan.minimum)
    more = replace(plan, **{limit: type(getattr(plan, limit))(getattr(plan, limit) * 2)})
    less, enough = estimate(plan, profile, 0), estimate(more, profile, 0)
    own = {"reserved": NO_EXECUTION, "quota": OVER_QUOTA}.get(limit, LIMITED)
    assert enough.outcomes[own].sum() <= less.outcomes[own].sum() * (1 + 1e-6) + 0.01
    if limit == "reserved":  # 1.5 % where more executions overfill the endpoint's own queues
        assert enough.throttled <= less.throttled + 0.015


@BOUNDED
@given(plans(), profiles)
def test_a_second_fleet_never_throttles_more(plan: PlanSettings, profile: Profile) -> None:
    few = replace(plan, retries=0, maximum=plan.minimum)
    many = replace(few, minimum=2 * few.minimum, maximum=2 * few.minimum)
    less, enough = estimate(few, profile, 0), estimate(many, profile, 0)
    # The sum: a request refused by a full queue frees its execution at once, so fewer such may
    # well be more of them at the executions.
    refused = [NO_EXECUTION, QUEUE_FULL]
    assert enough.outcomes[refused].sum() <= less.outcomes[refused].sum() + 0.5


@BOUNDED
@given(profiles, st.integers(1, 6), st.floats(1, 30))
def test_more_executions_never_lose_more_of_the_same_simulated_requests(
    profile: Profile, reserved: int, rate: float
) -> None:
    # Constant times and no waiting: the two runs see the same requests and the same times, so
    # each request that finds a place among few finds one among many.
    plan = PlanSettings(
        reserved=reserved, rate=rate, burst=20, quota=10**9, minimum=1, maximum=1,
        work=constant(0.2), service=constant(1e-6), workers=1, queue=1000, cold_start=constant(0.0),
    )  # fmt: skip
    few = simulate(plan, profile, 1)
    many = simulate(replace(plan, reserved=reserved + 1), profile, 1)
    assert many.count(NO_EXECUTION) <= few.count(NO_EXECUTION)
    assert many.count(LIMITED) == few.count(LIMITED)


def test_the_same_seed_gives_the_same_run() -> None:
    profile = Profile("two minutes", 60, np.array([900.0, 300.0]))
    for engine in (simulate, estimate):
        first, second = (engine(PlanSettings(retries=2), profile, 7) for _ in range(2))
        assert (first.outcomes == second.outcomes).all()
        assert (first.latency == second.latency).all()
        assert (first.outcomes != engine(PlanSettings(retries=2), profile, 8).outcomes).any()
