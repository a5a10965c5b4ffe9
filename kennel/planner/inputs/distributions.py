"""How long something takes: a distribution, not only a mean.

Both engines read the same points, so that they cannot disagree about a distribution.
"""

import json
import math
import re
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kennel.planner.errors import BadPlan

Floats = NDArray[np.floating[Any]]

POINTS = 2000  # equally probable values that stand for a distribution; its tail ends at 99.975 %
_P99 = NormalDist().inv_cdf(0.99)
_UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0}
_FORM = "write p50=20ms,p99=45ms, mean=20ms,cv=0.3, a file of milliseconds, or a benchmark's JSON"


@dataclass(frozen=True, eq=False)
class Times:
    """Equally probable values, sorted, in seconds."""

    points: Floats
    source: str = ""

    @property
    def mean(self) -> float:
        """Seconds."""
        return float(self.points.mean())

    @property
    def cv(self) -> float:
        """Standard deviation over mean."""
        return float(self.points.std() / self.mean) if self.mean else 0.0

    def quantile(self, share: float) -> float:
        """Return the seconds that `share` of the values stay below."""
        return float(np.quantile(self.points, share))

    def sample(self, random: np.random.Generator, count: int) -> Floats:
        """Draw `count` values."""
        return self.points[random.integers(0, len(self.points), count)]

    def survival(self, at: Floats) -> Floats:
        """Return the share of values above each of `at`."""
        return 1.0 - np.searchsorted(self.points, at, side="right") / len(self.points)

    def scaled(self, factor: float) -> "Times":
        """Return the distribution of `factor` times the value."""
        return Times(self.points * factor, self.source)


def constant(seconds: float) -> Times:
    """Return a time that never varies."""
    return Times(np.full(1, seconds), f"{1000 * seconds:g} ms")


def lognormal(p50: float, p99: float) -> Times:
    """Return the lognormal distribution with this median and 99th percentile, in seconds."""
    return _lognormal(p50, math.log(p99 / p50) / _P99)


def lognormal_of_mean(mean: float, cv: float) -> Times:
    """Return the lognormal distribution with this mean (seconds) and coefficient of variation."""
    sigma = math.sqrt(math.log1p(cv * cv))
    found = _lognormal(mean * math.exp(-sigma * sigma / 2), sigma)
    return found.scaled(mean / found.mean)  # the tail beyond the last point is missing from it


def exponential(mean: float) -> Times:
    """Return the exponential distribution, in seconds; theory is written for it."""
    shares = (np.arange(POINTS) + 0.5) / POINTS
    points = -np.log1p(-shares)
    return Times(points * (mean / points.mean()), f"exponential, {1000 * mean:g} ms")


def measured(seconds: Floats, source: str) -> Times:
    """Return the distribution of measured values, in seconds."""
    ordered = np.sort(np.asarray(seconds, dtype=np.float64))
    if len(ordered) > POINTS:
        ordered = np.quantile(ordered, (np.arange(POINTS) + 0.5) / POINTS)
    return Times(ordered, source)


def read(text: str) -> Times:
    """Read a distribution as a person writes it.

    Parameters
    ----------
    text
        "p50=20ms,p99=45ms", "mean=20ms,cv=0.3", "20ms", or the path of a file: one value in
        milliseconds a line, or the output of bench/endpoint.py (its last line is JSON).

    Raises
    ------
    BadPlan
        What was received and what is expected, with the line of a file.
    """
    path = Path(text)
    if "=" not in text and path.is_file():
        return _file(path)
    try:
        if "=" not in text:
            return constant(_seconds(text))
        given = dict(part.strip().split("=", 1) for part in text.split(","))
        if set(given) == {"p50", "p99"}:
            p50, p99 = _seconds(given["p50"]), _seconds(given["p99"])
            if p99 < p50:
                raise BadPlan(f"{text!r} has a p99 below its p50: {_FORM}")
            found = lognormal(p50, p99)
        elif set(given) == {"mean", "cv"}:
            found = lognormal_of_mean(_seconds(given["mean"]), float(given["cv"]))
        else:
            raise ValueError(text)
    except ValueError as error:
        raise BadPlan(f"{text!r} is no service time nor a file: {_FORM}") from error
    return Times(found.points, text)


def _lognormal(median: float, sigma: float) -> Times:
    normal = NormalDist()
    shares = [normal.inv_cdf((i + 0.5) / POINTS) for i in range(POINTS)]
    return Times(median * np.exp(sigma * np.array(shares)))


def _seconds(text: str) -> float:
    match = re.fullmatch(r"\s*([0-9.]+(?:e-?\d+)?)\s*(us|ms|s)\s*", text)
    if match is None or float(match[1]) < 0:
        raise ValueError(text)
    return float(match[1]) * _UNITS[match[2]]


def _file(path: Path) -> Times:
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadPlan(f"cannot read service times from {path}: {error}") from error
    filled = [line for line in lines if line.strip()]
    if filled and filled[-1].lstrip().startswith("{"):
        return _bench(path, filled[-1])
    values = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            value = float(line)
        except ValueError:
            value = -1.0
        if not 0 < value < math.inf:
            raise BadPlan(f"{path}, line {number}: {line!r} is no number of milliseconds above 0")
        values.append(value / 1000)
    if not values:
        raise BadPlan(f"{path} holds no service time: {_FORM}")
    return measured(np.array(values), path.name)


def bench_row(text: str, path: Path) -> dict[str, Any]:
    """Return Kennel's own row of bench/endpoint.py's JSON: results by number of clients."""
    try:
        results = json.loads(text)["results"]
        row: dict[str, Any] = results.get("kennel, wire") or results["kennel"]
        if not row["1"]["p50_ms"] > 0:
            raise ValueError("p50_ms")
    except (ValueError, LookupError, TypeError) as error:
        raise BadPlan(
            f"{path}: its last line is not what bench/endpoint.py prints (no results of kennel "
            "with p50_ms and p99_ms at 1 client)"
        ) from error
    return row


def _bench(path: Path, line: str) -> Times:
    alone = bench_row(line, path)["1"]
    p50, p99 = alone["p50_ms"] / 1000, max(alone["p99_ms"], alone["p50_ms"]) / 1000
    return Times(lognormal(p50, p99).points, f"{path.name}, one client")
