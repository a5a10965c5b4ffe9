"""The analytic engine agrees with the simulation: 20 random profiles through random settings.

Both see the same requests. Each profile is run with RUNS seeds: near saturation, a single run of
20 minutes varies by more than 2 %.
"""

import numpy as np
import pytest

from kennel.planner.engines.analytic import estimate
from kennel.planner.engines.simulation import simulate
from kennel.planner.inputs.distributions import Floats, lognormal, lognormal_of_mean
from kennel.planner.inputs.settings import PlanSettings
from kennel.planner.inputs.traffic import Profile, constant, spike

pytestmark = pytest.mark.slow  # test_theory.py compares both engines with formulas, sooner

SECONDS = 1200
RUNS = 3
SHARE = 0.02  # of the value
FLOOR = 0.0025  # of all requests: 2 % of a rare outcome is less than its chance variation


def drawn(seed: int) -> tuple[PlanSettings, Profile]:
    """Draw traffic, and settings that it may or may not overload."""
    random = np.random.default_rng([seed, 99])
    base = float(random.uniform(6, 25))
    kind = random.integers(3)
    if kind == 0:
        profile = constant(base, SECONDS)
    elif kind == 1:
        profile = spike(base, float(random.uniform(2, 5)), float(random.uniform(3, 8)), SECONDS)
    else:
        turn = 2 * np.pi * random.uniform(0.5, 2) * np.arange(20) / 20
        profile = Profile("wave", 60, base * 60 * (1 + random.uniform(0.3, 0.9) * np.sin(turn)))
    minimum = int(random.integers(1, 4))
    mean, cv = float(random.uniform(0.02, 0.15)), float(random.uniform(0.2, 0.9))
    return PlanSettings(
        reserved=int(random.integers(3, 30)),
        rate=float(random.uniform(10, 80)),
        burst=int(random.integers(5, 60)),
        quota=10**9,
        minimum=minimum,
        maximum=minimum + int(random.integers(0, 5)),
        target=float(random.uniform(200, 1200)),
        service=lognormal_of_mean(mean, cv),
        work=lognormal(float(random.uniform(0.03, 0.1)), float(random.uniform(0.12, 0.4))),
        workers=int(random.integers(1, 4)),
        retries=int(random.choice([0, 0, 0, 1])),
        start=lognormal(200, 400),
        out_cooldown=float(random.choice([0, 30, 300])),
    ), profile  # fmt: skip


class Pair:
    """RUNS results of each engine, with the same requests for both."""

    def __init__(self, seed: int) -> None:
        settings, profile = drawn(seed)
        seeds = range(seed, seed + 1000 * RUNS, 1000)
        self.exact = [simulate(settings, profile, each) for each in seeds]
        self.fast = [estimate(settings, profile, each) for each in seeds]


@pytest.fixture(scope="module")
def pairs() -> list[Pair]:
    return [Pair(seed) for seed in range(20)]


def relative_differences(pairs: list[Pair], name: str) -> Floats:
    """Return the relative difference of a figure of the analytic engine, for each profile."""
    return np.array(
        [
            np.mean([getattr(r, name) for r in pair.fast])
            / np.mean([getattr(r, name) for r in pair.exact])
            - 1
            for pair in pairs
        ]
    )


def test_the_profiles_are_worth_comparing(pairs: list[Pair]) -> None:
    throttled = np.array([pair.exact[0].throttled for pair in pairs])
    scaled = [pair.exact[0].scaling.get("out", 0) for pair in pairs]
    assert (throttled > 0.05).sum() >= 8
    assert sum(count > 0 for count in scaled) >= 5
    for pair in pairs:
        for exact, fast in zip(pair.exact, pair.fast, strict=True):
            assert exact.requests == pytest.approx(fast.requests)


def test_throttles_agree(pairs: list[Pair]) -> None:
    for pair in pairs:
        exact = np.mean([r.throttled for r in pair.exact])
        fast = np.mean([r.throttled for r in pair.fast])
        assert fast == pytest.approx(exact, rel=SHARE, abs=FLOOR)


def test_mean_latencies_agree(pairs: list[Pair]) -> None:
    differences = abs(relative_differences(pairs, "mean_latency"))
    assert (differences <= SHARE).sum() >= 18, differences
    assert differences.max() <= 0.03, differences
    assert np.sqrt(np.mean(differences**2)) <= SHARE / 2


def test_instance_hours_agree(pairs: list[Pair]) -> None:
    differences = abs(relative_differences(pairs, "instance_hours"))
    assert differences.max() <= SHARE, differences
