"""`kennel plan --replay`: a short version of the traffic, sent to the offline cloud and predicted.

The offline cloud runs the template's usage plan, reserved concurrency, functions and model server
as processes of this machine, which they share: an execution takes longer beside others. So its
time is measured first, by the number of executions at once, and that is all that the prediction is
told. Two clouds are started, one to measure and one whose usage plan fits what was measured.
"""

import contextlib
import json
import math
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from kennel.cloud.cloud import Cloud
from kennel.demo import samples
from kennel.errors import KennelError
from kennel.execution import bring_up_endpoint
from kennel.local_cloud import local_cloud
from kennel.paths import PYTHON
from kennel.planner.command import Ask, read
from kennel.planner.engines.result import Result
from kennel.planner.engines.simulation import Simulation
from kennel.planner.inputs.distributions import Times, constant, measured
from kennel.planner.inputs.settings import BIN_S, Settings
from kennel.planner.inputs.traffic import Profile
from kennel.planner.replay.report import draw

STEPS = 12  # of BIN_S seconds each: two minutes
MEASURE_S = 6.0  # for each number of clients
PEAK = 1.6  # times what the executions can take: much is turned away, and much is not
PLAN = 1.2  # the usage plan's rate, in the same measure
RUNS = 8  # of the prediction
THROTTLES = (429, 503)


class Contended(Simulation):
    """The exact engine, with an execution's time by how many there are when it begins."""

    def __init__(
        self, settings: Settings, profile: Profile, seed: int, by_count: list[Times]
    ) -> None:
        super().__init__(settings, profile, seed)
        self._by_count = by_count

    def work_time(self) -> float:
        """Draw the whole time of an execution that begins now."""
        times = self._by_count[min(self.busy, len(self._by_count)) - 1]
        return float(times.sample(self.random, 1)[0])


def run(ask: Ask, screen: Console) -> int:
    """Measure, predict, replay, compare; the last line printed is JSON.

    Returns
    -------
    int
        The exit status: 0 where share throttled and p95 are within 15 % of the prediction.
    """
    settings, profile, _ = read(ask)
    if not settings.reserved:
        raise KennelError("a replay needs ReservedConcurrency above 0: it is what binds offline")
    by_count = _measure(settings, screen)
    fits = settings.reserved / by_count[-1].mean
    settings = replace(
        settings, rate=float(max(1, round(PLAN * fits))), quota=10**6, retries=0,
        cold_start=constant(0.0), minimum=1, maximum=1, service=constant(1e-6), timeout=60.0,
    )  # fmt: skip
    short = shortened(profile, PEAK * fits, ask.seed)
    predicted = [Contended(settings, short, seed, by_count).run() for seed in range(RUNS)]
    seen = _replay(settings, short, screen)
    found = compare(seen, predicted)
    if ask.report:
        draw(ask.report, seen, predicted, found)
        screen.print(f"Report: {ask.report}", highlight=False, markup=False, soft_wrap=True)
    found["execution_ms"] = [round(1000 * times.mean, 1) for times in by_count]
    screen.print(
        f"throttled {100 * found['throttled']:.1f} %, predicted "
        f"{100 * found['predicted_throttled']:.1f} %; p95 {1000 * found['p95_s']:.0f} ms, "
        f"predicted {1000 * found['predicted_p95_s']:.0f} ms",
        highlight=False,
    )
    print(json.dumps(found), flush=True)
    return 0 if found["within_15_percent"] else 1


def shortened(profile: Profile, peak: float, seed: int) -> Profile:
    """Return the profile's course in two minutes with `peak` requests a second at its highest.

    The counts are drawn once, so that the replay and each run of the prediction have the same.
    """
    place = (np.arange(STEPS) + 0.5) / STEPS * len(profile.requests)
    course = profile.requests[np.minimum(place.astype(np.int64), len(profile.requests) - 1)]
    if profile.requests.max() > course.max():  # a spike between two of the steps
        course = np.array([part.max() for part in np.array_split(profile.requests, STEPS)])
    rates = course / course.max() * peak
    counts = np.random.default_rng([seed, 4]).poisson(rates * BIN_S)
    return Profile(profile.name, BIN_S, counts.astype(np.float64), 0.0, counted=True)


def compare(seen: list[tuple[float, int, float]], predicted: list[Result]) -> dict[str, Any]:
    """Return measured and predicted share throttled and p95 of answers, and their ratios.

    Raises
    ------
    KennelError
        When the cloud answered something else than 200, 429 and 503.
    """
    strange = sorted({status for _, status, _ in seen} - {200, *THROTTLES})
    if strange:
        raise KennelError(f"the offline cloud answered {strange}: see its logs in .kennel/logs")
    share = sum(status in THROTTLES for _, status, _ in seen) / len(seen)
    p95 = float(np.quantile([took for _, status, took in seen if status == 200], 0.95))  # noqa: PLR2004
    throttled = float(np.mean([each.throttled for each in predicted]))
    latency = float(np.mean([each.quantile(0.95) for each in predicted]))
    ratios = share / throttled if throttled else math.inf, p95 / latency
    return {
        "requests": len(seen),
        "throttled": share,
        "predicted_throttled": throttled,
        "throttled_ratio": ratios[0],
        "p95_s": p95,
        "predicted_p95_s": latency,
        "p95_ratio": ratios[1],
        "within_15_percent": all(0.85 <= ratio <= 1.15 for ratio in ratios),  # noqa: PLR2004
    }


def _measure(settings: Settings, screen: Console) -> list[Times]:
    """Return the time of an execution beside 0, 1, 2, ... others, as clients see it."""
    free = {"RateLimit": "1000", "BurstLimit": "1000", "DailyQuota": "1000000"}
    found = []
    with _cloud(settings, free) as cloud:
        bring_up_endpoint(cloud, screen)
        _send(cloud, clients=settings.reserved, seconds=MEASURE_S)  # each environment starts
        for clients in range(1, settings.reserved + 1):
            with screen.status(f"measuring {clients} at once"):
                seen = _send(cloud, clients=clients, seconds=MEASURE_S)
            took = np.array([seconds for _, status, seconds in seen if status == 200])  # noqa: PLR2004
            if not len(took):
                raise KennelError(f"no answer while measuring: {sorted({s for _, s, _ in seen})}")
            found.append(measured(took, f"{clients} at once"))
    return found


def _replay(settings: Settings, short: Profile, screen: Console) -> list[tuple[float, int, float]]:
    random = np.random.default_rng(1)
    counts = short.requests.astype(np.int64).tolist()
    times = [
        BIN_S * number + moment
        for number, count in enumerate(counts)
        for moment in np.sort(random.random(count) * BIN_S).tolist()
    ]
    limits = {
        "RateLimit": f"{settings.rate:g}",
        "BurstLimit": f"{settings.burst}",
        "DailyQuota": f"{settings.quota}",
    }
    with _cloud(settings, limits) as cloud:
        bring_up_endpoint(cloud, screen)
        # Cold starts take two cores by surprise: all environments are warm before it counts.
        _send(cloud, clients=settings.reserved, seconds=3.0)
        with screen.status(f"replaying {len(times):,} requests in {STEPS * BIN_S} s"):
            return _send(cloud, times=times)


def _cloud(settings: Settings, limits: dict[str, str]) -> contextlib.AbstractContextManager[Cloud]:
    parameters = {"ReservedConcurrency": str(settings.reserved), **limits}
    return local_cloud(parameters, stack_name="replay")


def _send(cloud: Cloud, **what: Any) -> list[tuple[float, int, float]]:
    """Run the sender; a process of its own, since the gateway's is busy enough."""
    photo = min((each.photo for each in samples()), key=lambda path: path.stat().st_size)
    ask = {"url": f"{cloud.api_url}/classify", "key": cloud.api_key, "photo": str(photo), **what}
    done = subprocess.run(
        [PYTHON, "-m", "kennel.planner.replay.load_generator"],
        input=json.dumps(ask),
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[3],
    )
    if done.returncode:
        raise KennelError(f"the sender failed: {done.stderr.strip().splitlines()[-1]}")
    found: list[tuple[float, int, float]] = [tuple(row) for row in json.loads(done.stdout)]
    return found
