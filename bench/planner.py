"""The planner's fast engine: a day at 1,000 requests a second, and how much faster than SimPy.

    .venv/bin/python bench/planner.py [--rate 1000] [--seconds 86400]      # a minute or two

Three processes, each new: the day (86.4 million requests on a daily curve, through executions and
instances to match), and two slices in time of the same profile through plain SimPy
(kennel/planner/engines/simulation.py), 1/400 and 1/200 of the day at its middle. The last line is
JSON:

seconds       of the day, from a fresh process's first call to its result
peak_gb       peak resident memory of that process
over_simpy    requests a second of the day over those of the slice of 1/200
slices_apart  how far SimPy's two slices lie apart (must be under 0.1 to mean anything)
growth_time   seconds of two days over seconds of one
growth_rate   seconds at ten times the rate, with ten times the executions and instances, over
              seconds at the rate
growth_fixed  the same with the executions and instances left as they are (most is turned away)

All is run three times, the day and the slices in turns, and the fastest counts.
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


def path(rate: float) -> PlanSettings:
    """Return settings that the mean rate fits well and the peak not quite."""
    service, work = lognormal(0.0145, 0.036), lognormal(0.060, 0.200)
    fits = round(1.2 * rate * (service.mean + work.mean)) + 20
    fleet = max(1, round(0.6 * rate * service.mean))
    return PlanSettings(
        reserved=fits, rate=1.5 * rate, burst=max(5, round(rate / 2)), quota=10**12,
        minimum=fleet, maximum=2 * fleet, target=60 / service.mean, service=service, work=work,
    )  # fmt: skip


def run(what: str, rate: float, seconds: int, fits: float) -> dict[str, float]:
    """Run one engine over one profile in this process, on a path that fits the rate `fits`."""
    profile: Profile = daily(rate, seconds, SWING)
    if what.startswith("slice"):
        length = seconds // int(what.partition("-")[2])
        profile = profile.part(seconds // 2 - length // 2, length)
    engine = simulate if what.startswith("slice") else estimate
    begun = time.perf_counter()
    result = engine(path(fits), profile, 0)
    took = time.perf_counter() - begun
    return {
        "seconds": took,
        "requests": result.requests,
        "throttled": result.throttled,
        "peak_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2,
    }


def best(rate: float, seconds: int, fits: float, *whats: str) -> list[dict[str, float]]:
    """Run each of `whats` RUNS times, in turns: a busy moment hits all; return the fastest."""
    rounds = [[fresh(what, rate, seconds, fits) for what in whats] for _ in range(RUNS)]
    return [min(each, key=lambda one: one["seconds"]) for each in zip(*rounds, strict=True)]


def fresh(what: str, rate: float, seconds: int, fits: float) -> dict[str, float]:
    """Run one engine in a new process and print what came out."""
    command = [sys.executable, __file__, "--one", what, "--rate", f"{rate}"]
    command += ["--seconds", f"{seconds}", "--fits", f"{fits}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr[-2000:])
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    speed = found["requests"] / found["seconds"]
    print(
        f"{what:<12}{rate:>8,.0f}/s{seconds:>10,} s{found['requests']:>16,.0f} requests"
        f"{found['seconds']:>9.2f} s{speed:>16,.0f} requests/s{found['peak_gb']:>7.2f} GB"
        f"{100 * found['throttled']:>7.2f} % throttled",
        flush=True,
    )
    return found | {"speed": speed}


def main() -> None:
    """Measure all, print a table and the line of JSON."""
    parser = argparse.ArgumentParser(description="Time the planner's engines.")
    parser.add_argument("--rate", type=float, default=1000.0, help="mean requests a second")
    parser.add_argument("--seconds", type=int, default=DAY)
    parser.add_argument("--one", default="", help=argparse.SUPPRESS)
    parser.add_argument("--fits", type=float, default=0.0, help=argparse.SUPPRESS)
    ask = parser.parse_args()
    if ask.one:
        print(json.dumps(run(ask.one, ask.rate, ask.seconds, ask.fits)))
        return
    print(f"{len(os.sched_getaffinity(0))} cores, load {os.getloadavg()[0]:.1f} before")
    rate, seconds = ask.rate, ask.seconds
    day, *slices = best(rate, seconds, rate, "bins", *(f"slice-{part}" for part in SLICES))
    (longer,) = best(rate, 2 * seconds, rate, "bins")
    (busier,) = best(10 * rate, seconds, 10 * rate, "bins")
    (fixed,) = best(10 * rate, seconds, rate, "bins")
    speeds = [each["speed"] for each in slices]
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
