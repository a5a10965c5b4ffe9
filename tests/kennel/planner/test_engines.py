"""The two engines agree: 20 random profiles through random settings, with the same requests."""

import numpy as np
import pytest

from kennel.planner.bins import estimate
from kennel.planner.events import simulate
from kennel.planner.profile import Profile, constant, spike
from kennel.planner.result import Result
from kennel.planner.settings import Settings
from kennel.planner.times import lognormal, lognormal_of_mean

SECONDS = 1200
POINTS = 0.015  # of all requests, for what is throttled
SHARE = 0.02  # of the value, for mean latency and instance-hours


def drawn(seed: int) -> tuple[Settings, Profile]:
    """Draw traffic and a path that it may or may not overload."""
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
    return Settings(
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


@pytest.fixture(scope="module")
def pairs() -> list[tuple[Result, Result]]:
    """Run both engines, each pair with one seed."""
    found = []
    for seed in range(20):
        settings, profile = drawn(seed)
        found.append((simulate(settings, profile, seed), estimate(settings, profile, seed)))
    return found


def test_the_profiles_are_worth_comparing(pairs: list[tuple[Result, Result]]) -> None:
    throttled = np.array([exact.throttled for exact, _ in pairs])
    scaled = [exact.scaling.get("out", 0) for exact, _ in pairs]
    assert (throttled > 0.05).sum() >= 8
    assert sum(count > 0 for count in scaled) >= 5
    assert all(exact.requests == pytest.approx(fast.requests) for exact, fast in pairs)


def test_throttles_agree(pairs: list[tuple[Result, Result]]) -> None:
    apart = [abs(exact.throttled - fast.throttled) for exact, fast in pairs]
    assert max(apart) <= POINTS, apart


def test_mean_latencies_agree(pairs: list[tuple[Result, Result]]) -> None:
    apart = np.array([fast.mean_latency / exact.mean_latency - 1 for exact, fast in pairs])
    assert (abs(apart) <= SHARE).mean() >= 0.8, apart
    assert abs(np.median(apart)) <= SHARE / 2
    assert max(abs(apart)) <= 0.06, apart  # where the endpoint nearly saturates


def test_instance_hours_agree(pairs: list[tuple[Result, Result]]) -> None:
    apart = [abs(fast.instance_hours / exact.instance_hours - 1) for exact, fast in pairs]
    assert max(apart) <= SHARE, apart
