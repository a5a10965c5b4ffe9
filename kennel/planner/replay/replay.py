"""`kennel plan --replay`: sends a short version of the traffic to the offline cloud.

The offline cloud runs the template's usage plan, reserved concurrency, functions and model server
as processes of this machine, which they share: an execution takes longer beside others. So its
time is first measured by the number of concurrent executions; the prediction uses nothing else.
Two clouds are started: one to measure, and one whose usage plan suits what was measured.
"""

import contextlib
import json
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, replace
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
from kennel.planner.command import PlanRequest, read_inputs
from kennel.planner.engines.simulation import Simulation
from kennel.planner.inputs.distributions import Distribution, constant, measured
from kennel.planner.inputs.settings import BIN_S, PlanSettings
from kennel.planner.inputs.traffic import Profile
from kennel.planner.replay import report
from kennel.planner.replay.comparison import OK, Comparison, check_statuses, compare
from kennel.planner.replay.load_generator import Response
from kennel.running_cloud import CloudAddress

BINS = 12  # of BIN_S seconds: the replay lasts two minutes
MEASURE_S = 6.0  # for each number of clients
WARM_UP_S = 3.0
PEAK = 1.6  # arrival rate at the peak over capacity: much is refused, and much is not
PLAN_RATE = 1.2  # rate of the usage plan over capacity
PREDICTIONS = 8  # runs of the simulation


class ContendedSimulation(Simulation):
    """The simulation with an execution time that depends on the number of executions.

    Parameters
    ----------
    execution_times
        By the number of concurrent executions, from 1 on.
    """

    def __init__(
        self,
        settings: PlanSettings,
        profile: Profile,
        seed: int,
        execution_times: Sequence[Distribution],
    ) -> None:
        super().__init__(settings, profile, seed)
        self._execution_times = execution_times

    def work_time(self) -> float:
        """Draw the whole time of the execution that begins now, seconds."""
        executions = min(self.environments.busy, len(self._execution_times))
        return float(self._execution_times[executions - 1].sample(self.random, 1)[0])


def run(request: PlanRequest, console: Console) -> int:
    """Measure, predict, replay and compare; the last line printed is JSON.

    Returns
    -------
    int
        Exit status: 0 where share throttled and p95 are within 15 % of the prediction.
    """
    inputs = read_inputs(request)
    settings = inputs.settings
    if not settings.reserved:
        raise KennelError(
            "ReservedConcurrency is 0: a replay needs it above 0, because it is the limit offline"
        )
    execution_times = _measure_execution_times(settings, console)
    capacity = settings.reserved / execution_times[-1].mean
    settings = _replay_settings(settings, float(max(1, round(PLAN_RATE * capacity))))
    profile = shortened(inputs.profile, PEAK * capacity, request.seed)
    predicted = [
        ContendedSimulation(settings, profile, seed, execution_times).run()
        for seed in range(PREDICTIONS)
    ]
    responses = _replay(settings, profile, console)
    comparison = compare(responses, predicted)
    if request.report:
        report.write(request.report, responses, predicted, comparison)
        console.print(f"Report: {request.report}", highlight=False, markup=False, soft_wrap=True)
    _print_comparison(comparison, execution_times, console)
    return 0 if comparison.within_tolerance else 1


def shortened(profile: Profile, peak: float, seed: int) -> Profile:
    """Return the profile compressed to two minutes, with `peak` requests a second at its highest.

    The counts are drawn here, so that the replay and each prediction have the same.
    """
    position = (np.arange(BINS) + 0.5) / BINS * len(profile.requests)
    course = profile.requests[np.minimum(position.astype(np.int64), len(profile.requests) - 1)]
    if profile.requests.max() > course.max():  # a spike between two of the samples
        course = np.array([part.max() for part in np.array_split(profile.requests, BINS)])
    rates = course / course.max() * peak
    counts = np.random.default_rng([seed, 4]).poisson(rates * BIN_S)
    return Profile(profile.name, BIN_S, counts.astype(np.float64), 0.0, counted=True)


def send(cloud: Cloud | CloudAddress, **load: Any) -> list[Response]:
    """Run the load generator, whose docstring describes `load`, against a cloud's API.

    It is a process of its own because the gateway keeps this one busy.
    """
    photo = min((sample.photo for sample in samples()), key=lambda path: path.stat().st_size)
    order = {"url": f"{cloud.api_url}/classify", "key": cloud.api_key, "photo": str(photo), **load}
    process = subprocess.run(
        [PYTHON, "-m", "kennel.planner.replay.load_generator"],
        input=json.dumps(order),
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[3],
    )
    if process.returncode:
        raise KennelError(f"the load generator failed: {process.stderr.strip().splitlines()[-1]}")
    return [Response(*row) for row in json.loads(process.stdout)]


def _replay_settings(settings: PlanSettings, rate: float) -> PlanSettings:
    """Return settings in which an execution's measured time is all of a request's latency."""
    return replace(
        settings,
        rate=rate,
        quota=10**6,
        retries=0,
        cold_start=constant(0.0),
        minimum=1,
        maximum=1,
        service=constant(1e-6),
        timeout=60.0,
    )


def _measure_execution_times(settings: PlanSettings, console: Console) -> list[Distribution]:
    """Return the time of an execution beside 0, 1, 2, ... others, as clients measure it."""
    unlimited = {"RateLimit": "1000", "BurstLimit": "1000", "DailyQuota": "1000000"}
    distributions = []
    with _cloud(settings, unlimited) as cloud:
        bring_up_endpoint(cloud, console)
        send(cloud, clients=settings.reserved, seconds=MEASURE_S)  # warms each environment
        for clients in range(1, settings.reserved + 1):
            with console.status(f"measuring {clients} at once"):
                responses = send(cloud, clients=clients, seconds=MEASURE_S)
            seconds = np.array([r.seconds for r in responses if r.status == OK])
            if not len(seconds):
                statuses = sorted({r.status for r in responses})
                raise KennelError(
                    f"no answer while measuring, only status {statuses}: see the logs in "
                    f"{cloud.logs}, which the next offline cloud removes"
                )
            distributions.append(measured(seconds, f"{clients} at once"))
    return distributions


def _replay(settings: PlanSettings, profile: Profile, console: Console) -> list[Response]:
    random = np.random.default_rng(1)
    counts = profile.requests.astype(np.int64).tolist()
    times = [
        BIN_S * number + offset
        for number, count in enumerate(counts)
        for offset in np.sort(random.random(count) * BIN_S).tolist()
    ]
    limits = {
        "RateLimit": f"{settings.rate:g}",
        "BurstLimit": f"{settings.burst}",
        "DailyQuota": f"{settings.quota}",
    }
    with _cloud(settings, limits) as cloud:
        bring_up_endpoint(cloud, console)
        send(cloud, clients=settings.reserved, seconds=WARM_UP_S)  # cold starts use both cores
        with console.status(f"replaying {len(times):,} requests in {BINS * BIN_S} s"):
            responses = send(cloud, times=times)
        check_statuses(responses, cloud.logs)
    return responses


def _cloud(
    settings: PlanSettings, limits: dict[str, str]
) -> contextlib.AbstractContextManager[Cloud]:
    parameters = {"ReservedConcurrency": str(settings.reserved), **limits}
    return local_cloud(parameters, stack_name="replay")


def _print_comparison(
    comparison: Comparison, execution_times: Sequence[Distribution], console: Console
) -> None:
    console.print(
        f"throttled {100 * comparison.throttled:.1f} %, predicted "
        f"{100 * comparison.predicted_throttled:.1f} %; p95 {1000 * comparison.p95_s:.0f} ms, "
        f"predicted {1000 * comparison.predicted_p95_s:.0f} ms",
        highlight=False,
    )
    figures = asdict(comparison) | {
        "throttled_ratio": comparison.throttled_ratio,
        "p95_ratio": comparison.p95_ratio,
        "within_15_percent": comparison.within_tolerance,
        "execution_ms": [round(1000 * times.mean, 1) for times in execution_times],
    }
    print(json.dumps(figures), flush=True)
