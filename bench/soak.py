"""Load-test an offline cloud: overload, a spike and a soak; check statuses, latency and memory.

    .venv/bin/python bench/soak.py                # 15 minutes, of which a soak of 10
    .venv/bin/python bench/soak.py --minutes 2

A `kennel up` of its own, with one instance, and a usage plan that lets more through than the
classifier's five executions can answer: an UpdateStack sets PARAMETERS, and once the capacity is
known, RateLimit and BurstLimit to PLAN_LOAD times as much, so that beyond it the usage plan refuses
(429), and below it the classifier's reserved concurrency (503). The planner's load generator, a
process of its own on the same cores, sends the smallest of the demo's photos.

1. Saturation: five clients, each sending its next request after its last answer. Every execution
   that the classifier may have is busy, and nothing is refused: their rate is the capacity. The
   same again after each step beyond the capacity and after the spike, since other work on the
   cores comes and goes.
2. A ramp of Poisson arrivals, in steps of RAMP times the capacity.
3. A spike: half of the capacity, five times as much, and the half again.
4. The soak, SOAK_LOAD of the capacity.

Judged: every request that is not answered gets 429 or 503 with Retry-After; the p99 of answers to
arrivals beyond the capacity (the ramp's last steps and the spike, together) is at most 1.5 times
that at saturation (all of those phases together); the memory of the cloud's processes rises by
at most 1 MB a minute over the soak, without its first fifth. That is the sum of the slopes of the
resident set size (RSS), by least squares over a sample every 5 s, of the processes which live
through that time and grow: one that shrinks does not hide one that grows. The sum of the sizes
would fall with each idle environment that ends, and PSS, in which a shared page counts once,
changes with other processes of the machine. Exit status 1 if not. The rates count the start of the
load generator. The last line is JSON.
"""

import argparse
import contextlib
import json
import math
import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from fault_injection.cloud import KennelUp
from kennel.planner.replay.replay import send
from process_usage import Sampler
from soak_phases import COLUMNS, OK, PROCESS_COLUMNS, Phase, as_line, memory, p_of, wrongly_refused

#: Instead of the template's 20, 5 and 10,000.
PARAMETERS = {"RateLimit": "1000", "BurstLimit": "1000", "DailyQuota": "1000000"}
PLAN_LOAD = 2.0
CLIENTS = 5  # the template's ReservedConcurrency
WARM_SECONDS, SATURATION_SECONDS, STEP_SECONDS = 10.0, 30.0, 20.0
RAMP = (0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0)
SPIKE = (("before the spike", 0.5), ("spike, five times", 2.5), ("after the spike", 0.5))
SOAK_LOAD, SOAK_PART_SECONDS = 0.6, 60.0
SAMPLE_SECONDS, WARM_SHARE = 5.0, 0.2
GOALS = {"p99_ratio": 1.5, "mb_per_minute": 1.0}


class Soak:
    """Runs phases of load against a cloud, and prints a line of the table after each."""

    def __init__(self, cloud: KennelUp) -> None:
        self._cloud = cloud
        self._started = time.perf_counter()
        self._random = np.random.default_rng(1)
        self.sampler = Sampler(cloud.pid, SAMPLE_SECONDS, self._started)
        self.phases: list[Phase] = []
        self.capacity = 0.0

    def saturate(self, name: str, seconds: float) -> Phase:
        """Send from as many clients as there are executions."""
        return self._run(name, 1.0, clients=CLIENTS, seconds=seconds)

    def arrive(self, name: str, load: float, seconds: float) -> Phase:
        """Send at random times, at a rate of `load` times the capacity."""
        count = int(self._random.poisson(load * self.capacity * seconds))
        times = np.sort(self._random.random(count) * seconds).tolist()
        return self._run(name, load, times=times)

    def _run(self, name: str, load: float, **order: Any) -> Phase:
        begin = time.perf_counter() - self._started
        responses = send(self._cloud.address, **order)
        self.sampler.sample()
        end = time.perf_counter() - self._started
        phase = Phase(name, load, begin, end, responses)
        self.phases.append(phase)
        print(as_line(phase.figures(self.sampler).values()), flush=True)
        return phase


@contextlib.contextmanager
def running() -> Iterator[KennelUp]:
    """Run a cloud with one instance and the usage plan of PARAMETERS while the block runs."""
    with tempfile.TemporaryDirectory(prefix="kennel-soak-") as folder:
        cloud = KennelUp(Path(folder))
        try:
            cloud.start()
            cloud.update_stack(**PARAMETERS)
            cloud.scale_between(1, 1)
            yield cloud
        finally:
            cloud.kill()


def main() -> None:
    """Print the table of phases, that of processes, and the line of JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10.0, help="of the soak")
    minutes = parser.parse_args().minutes
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(1))  # so that the cloud ends
    load_before = os.getloadavg()[0]
    with running() as cloud:
        soak = Soak(cloud)
        try:
            result = run(soak, cloud, minutes)
        finally:
            soak.sampler.stop()
    result |= {"cpus": os.cpu_count(), "load_average": [load_before, os.getloadavg()[0]]}
    print(json.dumps(result))
    sys.exit(0 if all(result["passed"].values()) else 1)


def run(soak: Soak, cloud: KennelUp, minutes: float) -> dict[str, Any]:
    """Run all phases; return the figures and whether the goals are reached."""
    print(as_line(COLUMNS) + "\n" + "| --- " * len(COLUMNS) + "|", flush=True)
    soak.saturate("warm-up", WARM_SECONDS)
    saturations = [soak.saturate("saturation", SATURATION_SECONDS)]
    answered = sum(each.status == OK for each in saturations[0].responses)
    soak.capacity = answered / SATURATION_SECONDS
    limit = str(math.ceil(PLAN_LOAD * soak.capacity))
    cloud.update_stack(RateLimit=limit, BurstLimit=limit)
    for load in RAMP:
        soak.arrive(f"ramp, {load:g} times", load, STEP_SECONDS)
        if load > 1:
            saturations.append(soak.saturate("saturation again", STEP_SECONDS))
    for name, load in SPIKE:
        soak.arrive(name, load, STEP_SECONDS)
    saturations.append(soak.saturate("saturation again", STEP_SECONDS))
    parts = max(1, round(minutes * 60 / SOAK_PART_SECONDS))
    soaked = [
        soak.arrive(f"soak, minute {part + 1}", SOAK_LOAD, minutes * 60 / parts)
        for part in range(parts)
    ]
    begin, end = soaked[0].begin, soaked[-1].end
    processes = memory(soak.sampler, begin + WARM_SHARE * (end - begin), end)
    rise = sum(max(0.0, each["RSS MB a minute"]) for each in processes)
    print(f"\n{as_line(PROCESS_COLUMNS)}\n{'| --- ' * len(PROCESS_COLUMNS)}|")
    for each in processes:
        print(as_line(each.values()))
    overload = [each for each in soak.phases if each.load > 1]
    p99 = {"saturation": p_of(saturations, 0.99), "overload": p_of(overload, 0.99)}
    ratio = p99["overload"] / p99["saturation"]
    wrong = wrongly_refused(soak.phases)
    return {
        "capacity_per_second": round(soak.capacity, 1),
        "p99_ms": {name: round(value, 1) for name, value in p99.items()},
        "p99_ratio": round(ratio, 2),
        "wrongly_refused": dict(wrong),
        "mb_per_minute": round(rise, 2),
        "minutes": minutes,
        "parameters": {**PARAMETERS, "RateLimit": limit, "BurstLimit": limit},
        "goals": GOALS,
        "passed": {
            "refusals": not wrong,
            "p99_ratio": ratio <= GOALS["p99_ratio"],
            "memory": rise <= GOALS["mb_per_minute"],
        },
        "phases": [each.figures(soak.sampler) for each in soak.phases],
        "processes": processes,
    }


if __name__ == "__main__":
    main()
