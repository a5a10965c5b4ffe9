"""Distributions of durations, such as service times, and the texts and files that give them.

A distribution is a list of equally probable points. Both engines read the same points.
"""

import json
import math
import os
import re
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kennel.planner.errors import PlanError

Floats = NDArray[np.floating[Any]]

POINTS = 2000  # of a parametric distribution; its tail ends at 99.975 %
_P99 = NormalDist().inv_cdf(0.99)
_UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0}
MAX_SECONDS = 86_400.0  # a day; no part of a request or a start takes longer
_MAX_CV = 100.0
_FORM = "write p50=20ms,p99=45ms, mean=20ms,cv=0.3, a file of milliseconds, or a benchmark's JSON"


@dataclass(frozen=True, eq=False)
class Distribution:
    """A distribution of durations.

    Attributes
    ----------
    points : ndarray, shape (points,)
        Equally probable values in seconds, ascending.
    source
        The text or file it was read from.
    """

    points: Floats
    source: str = ""

    @property
    def mean(self) -> float:
        """Mean in seconds."""
        return float(self.points.mean())

    @property
    def cv(self) -> float:
        """Coefficient of variation: standard deviation over mean."""
        return float(self.points.std() / self.mean) if self.mean else 0.0

    def quantile(self, share: float) -> float:
        """Return the quantile of order `share`, in seconds."""
        return float(np.quantile(self.points, share))

    def sample(self, random: np.random.Generator, count: int) -> Floats:
        """Draw `count` values in seconds."""
        return self.points[random.integers(0, len(self.points), count)]

    def survival(self, seconds: Floats) -> Floats:
        """Return the survival function, P(value > seconds), at each of `seconds`."""
        return 1.0 - np.searchsorted(self.points, seconds, side="right") / len(self.points)

    def scaled(self, factor: float) -> "Distribution":
        """Return the distribution of the value multiplied by `factor`."""
        return Distribution(self.points * factor, self.source)


def constant(seconds: float) -> Distribution:
    """Return the distribution of a constant duration."""
    return Distribution(np.full(1, seconds), f"{1000 * seconds:g} ms")


def lognormal(p50: float, p99: float) -> Distribution:
    """Return the lognormal distribution with a given median and 99th percentile, in seconds."""
    return _lognormal(p50, math.log(p99 / p50) / _P99)


def lognormal_of_mean(mean: float, cv: float) -> Distribution:
    """Return the lognormal distribution with a given mean (seconds) and variation coefficient."""
    sigma = math.sqrt(math.log1p(cv * cv))
    truncated = _lognormal(mean * math.exp(-sigma * sigma / 2), sigma)
    return truncated.scaled(mean / truncated.mean)  # the points end at 99.975 %


def exponential(mean: float) -> Distribution:
    """Return the exponential distribution with a given mean in seconds."""
    shares = (np.arange(POINTS) + 0.5) / POINTS
    points = -np.log1p(-shares)
    return Distribution(points * (mean / points.mean()), f"exponential, {1000 * mean:g} ms")


def measured(seconds: Floats, source: str) -> Distribution:
    """Return the empirical distribution of measured values in seconds."""
    ordered = np.sort(np.asarray(seconds, dtype=np.float64))
    if len(ordered) > POINTS:
        ordered = np.quantile(ordered, (np.arange(POINTS) + 0.5) / POINTS)
    return Distribution(ordered, source)


def read(text: str) -> Distribution:
    """Parse a distribution from the command line's text, or read it from the file it names.

    Parameters
    ----------
    text
        "p50=20ms,p99=45ms", "mean=20ms,cv=0.3", "20ms", or the path of a file: one value in
        milliseconds a line, or the output of bench/endpoint.py (its last line is JSON).

    Raises
    ------
    PlanError
        For a text or file in no known form; names the line of a file.
    """
    path = Path(text)
    if "=" not in text and os.path.isfile(text):  # noqa: PTH113 - for a name too long, too
        return _read_file(path)
    try:
        if "=" not in text:
            return constant(_seconds(text))
        parameters = dict(part.strip().split("=", 1) for part in text.split(","))
        if set(parameters) == {"p50", "p99"}:
            p50, p99 = _positive(parameters["p50"]), _positive(parameters["p99"])
            if p99 < p50:
                raise PlanError(f"{text!r} has a p99 below its p50: {_FORM}")
            distribution = lognormal(p50, p99)
        elif set(parameters) == {"mean", "cv"}:
            cv = float(parameters["cv"])
            if not 0 <= cv <= _MAX_CV:
                raise PlanError(f"{text!r} has a cv of {cv:g}: expected 0 to {_MAX_CV:g}")
            distribution = lognormal_of_mean(_positive(parameters["mean"]), cv)
        else:
            raise ValueError(text)
    except ValueError as error:
        raise PlanError(f"{text!r} is neither a service time nor a file: {_FORM}") from error
    return Distribution(distribution.points, text)


def _lognormal(median: float, sigma: float) -> Distribution:
    normal = NormalDist()
    shares = [normal.inv_cdf((i + 0.5) / POINTS) for i in range(POINTS)]
    return Distribution(median * np.exp(sigma * np.array(shares)))


def _seconds(text: str) -> float:
    match = re.fullmatch(r"\s*([0-9.]+(?:e-?\d+)?)\s*(us|ms|s)\s*", text)
    if match is None:
        raise ValueError(text)
    seconds = float(match[1]) * _UNITS[match[2]]
    if seconds > MAX_SECONDS:
        raise PlanError(f"{text!r} is longer than a day: {_FORM}")
    return seconds


def _positive(text: str) -> float:
    seconds = _seconds(text)
    if not seconds > 0:
        raise PlanError(f"{text!r} is no duration above 0: {_FORM}")
    return seconds


def _read_file(path: Path) -> Distribution:
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise PlanError(f"cannot read service times from {path}: {error}") from error
    nonblank = [line for line in lines if line.strip()]
    if nonblank and nonblank[-1].lstrip().startswith("{"):
        return _from_benchmark(path, nonblank[-1])
    values = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            value = float(line)
        except ValueError:
            value = -1.0
        if not 0 < value <= 1000 * MAX_SECONDS:
            raise PlanError(
                f"{path}, line {number}: {line!r} is not a number of milliseconds above 0, of at "
                "most a day"
            )
        values.append(value / 1000)
    if not values:
        raise PlanError(f"{path} contains no service time: {_FORM}")
    return measured(np.array(values), path.name)


def bench_row(text: str, path: Path) -> dict[str, Any]:
    """Return Kennel's results, by number of clients, from the JSON of bench/endpoint.py."""
    try:
        results = json.loads(text)["results"]
        row: dict[str, Any] = results.get("kennel, wire") or results["kennel"]
        for name in ("p50_ms", "p99_ms"):
            if not 0 < row["1"][name] <= 1000 * MAX_SECONDS:
                raise ValueError(name)
    except (ValueError, LookupError, TypeError) as error:
        raise PlanError(
            f"{path}: its last line is not what bench/endpoint.py prints (no results of kennel "
            "with p50_ms and p99_ms at 1 client)"
        ) from error
    return row


def _from_benchmark(path: Path, line: str) -> Distribution:
    one_client = bench_row(line, path)["1"]
    p50, p99 = one_client["p50_ms"] / 1000, max(one_client["p99_ms"], one_client["p50_ms"]) / 1000
    return Distribution(lognormal(p50, p99).points, f"{path.name}, one client")
