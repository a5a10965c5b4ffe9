"""Benchmark the planner's analytic engine against SimPy: a day at 1,000 requests a second.

    .venv/bin/python bench/planner.py [--rate 1000] [--seconds 86400]      # a minute or two

Three new processes: the day (86.4 million requests on a daily curve, with executions and instances
to match), and two slices of the same profile through plain SimPy
(kennel/planner/engines/simulation.py), 1/400 and 1/200 of the day at its middle. The last line is
JSON:

seconds       of the day, from a fresh process's first call to its result
peak_gb       peak resident memory of that process
over_simpy    requests a second of the day over those of the slice of 1/200
slices_apart  relative difference of SimPy's speed on the two slices (above 0.1 the run is void)
growth_time   seconds of two days over seconds of one
growth_rate   seconds at ten times the rate, with ten times the executions and instances, over
              seconds at the rate
growth_fixed  the same with the executions and instances left as they are (most is turned away)

Each is run three times, the day and the slices in turns, and the fastest counts.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from kennel.planner.engines.analytic import estimate  # noqa: E402  # after the path to kennel/
from kennel.planner.engines.simulation import simulate  # noqa: E402
from kennel.planner.inputs.distributions import lognormal  # noqa: E402
from kennel.planner.inputs.settings import PlanSettings  # noqa: E402
from kennel.planner.inputs.traffic import DAY, Profile, daily  # noqa: E402

SWING = 0.6
SLICES = (400, 200)
RUNS = 3


def settings_for(rate: float) -> PlanSettings:
    """Return settings that can serve the mean rate, and not quite the peak."""
    service, work = lognormal(0.0145, 0.036), lognormal(0.060, 0.200)
    executions = round(1.2 * rate * (service.mean + work.mean)) + 20
    instances = max(1, round(0.6 * rate * service.mean))
    return PlanSettings(
        reserved=executions, rate=1.5 * rate, burst=max(5, round(rate / 2)), quota=10**12,
        minimum=instances, maximum=2 * instances, target=60 / service.mean,
        service=service, work=work,
    )  # fmt: skip


def run(job: str, rate: float, seconds: int, capacity: float) -> dict[str, float]:
    """Run one job in this process: the day by the analytic engine, or a slice by SimPy.

    Parameters
    ----------
    capacity
        The rate that the settings can serve, requests a second.
    """
    profile: Profile = daily(rate, seconds, SWING)
    if job.startswith("slice"):
        length = seconds // int(job.partition("-")[2])
        profile = profile.part(seconds // 2 - length // 2, length)
    engine = simulate if job.startswith("slice") else estimate
    started = time.perf_counter()
    result = engine(settings_for(capacity), profile, 0)
    return {
        "seconds": time.perf_counter() - started,
        "requests": result.requests,
        "throttled": result.throttled,
        "peak_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2,
    }


def fastest(rate: float, seconds: int, capacity: float, *jobs: str) -> list[dict[str, float]]:
    """Run each job RUNS times, in turns so that a busy moment slows all; return the fastest."""
    rounds = [[run_fresh(job, rate, seconds, capacity) for job in jobs] for _ in range(RUNS)]
    return [min(runs, key=lambda one: one["seconds"]) for runs in zip(*rounds, strict=True)]


def run_fresh(job: str, rate: float, seconds: int, capacity: float) -> dict[str, float]:
    """Run one job in a new process, and print and return its figures."""
    command = [sys.executable, __file__, "--one", job, "--rate", f"{rate}"]
    command += ["--seconds", f"{seconds}", "--capacity", f"{capacity}"]
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    if process.returncode:
        sys.exit(process.stderr[-2000:])
    figures: dict[str, float] = json.loads(process.stdout.splitlines()[-1])
    speed = figures["requests"] / figures["seconds"]
    print(
        f"{job:<12}{rate:>8,.0f}/s{seconds:>10,} s{figures['requests']:>16,.0f} requests"
        f"{figures['seconds']:>9.2f} s{speed:>16,.0f} requests/s{figures['peak_gb']:>7.2f} GB"
        f"{100 * figures['throttled']:>7.2f} % throttled",
        flush=True,
    )
    return figures | {"speed": speed}


def main() -> None:
    """Run all jobs; print a table and the line of JSON."""
    parser = argparse.ArgumentParser(description="Time the planner's engines.")
    parser.add_argument("--rate", type=float, default=1000.0, help="mean requests a second")
    parser.add_argument("--seconds", type=int, default=DAY)
    parser.add_argument("--one", default="", help=argparse.SUPPRESS)
    parser.add_argument("--capacity", type=float, default=0.0, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    rate, seconds = arguments.rate, arguments.seconds
    if arguments.one:
        print(json.dumps(run(arguments.one, rate, seconds, arguments.capacity)))
        return
    print(f"{len(os.sched_getaffinity(0))} cores, load {os.getloadavg()[0]:.1f} before")
    day, *slices = fastest(rate, seconds, rate, "analytic", *(f"slice-{n}" for n in SLICES))
    (longer,) = fastest(rate, 2 * seconds, rate, "analytic")
    (busier,) = fastest(10 * rate, seconds, 10 * rate, "analytic")
    (fixed,) = fastest(10 * rate, seconds, rate, "analytic")
    speeds = [figures["speed"] for figures in slices]
    print(
        json.dumps(
            {
                "seconds": round(day["seconds"], 2),
                "peak_gb": round(day["peak_gb"], 3),
                "over_simpy": round(day["speed"] / speeds[1]),
                "slices_apart": round(abs(speeds[0] / speeds[1] - 1), 3),
                "growth_time": round(longer["seconds"] / day["seconds"], 2),
                "growth_rate": round(busier["seconds"] / day["seconds"], 2),
                "growth_fixed": round(fixed["seconds"] / day["seconds"], 2),
                "requests": day["requests"],
                "simpy_per_second": [round(speed) for speed in speeds],
            }
        )
    )


if __name__ == "__main__":
    main()
