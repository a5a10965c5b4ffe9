"""Counted traffic from files: a CSV of timestamp,count, or CloudWatch's GetMetricData as JSON."""

import csv
import json
import math
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from kennel.planner.errors import PlanError
from kennel.planner.inputs.settings import BIN_S
from kennel.planner.inputs.traffic import Profile

_MAX_PERIODS = 10_000_000  # a year of minutes is half a million
_MAX_COUNT = 1e12  # requests in a period
# Unix times of today have 10 digits in seconds, and 3, 6 or 9 more in smaller units. In each pair:
# the limit below which a time is in a unit, and how many of that unit a second has.
_PER_SECOND = ((1e11, 1.0), (1e14, 1e3), (1e17, 1e6), (1e20, 1e9))


def read(path: Path) -> Profile:
    """Read a traffic profile from a CSV or JSON file.

    Raises
    ------
    PlanError
        Names the line of a CSV, or the index of a value of JSON, that is wrong.
    """
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise PlanError(f"cannot read the profile {path}: {error}") from error
    if path.suffix.lower() == ".json":
        return _read_cloudwatch(path, text)
    return _read_csv(path, text)


def _read_csv(path: Path, text: str) -> Profile:
    times: list[float] = []
    counts: list[int] = []
    step = 0.0
    for line, row in enumerate(csv.reader(text.splitlines()), 1):
        if not row or (line == 1 and [cell.strip().lower() for cell in row][:1] == ["timestamp"]):
            continue
        where = f"{path}, line {line}"
        if len(row) != 2:  # noqa: PLR2004
            raise PlanError(
                f"{where}: {','.join(row)!r} has {len(row)} fields, expected timestamp,count"
            )
        time, count = _parse_time(row[0].strip(), where), _parse_count(row[1].strip(), where)
        if times:
            interval = time - times[-1]
            if interval <= 0:
                raise PlanError(
                    f"{where}: {row[0].strip()!r} is not later than the row before; "
                    "sort the rows by time, with one row for each time"
                )
            step = step or interval
            if interval != step:
                raise PlanError(
                    f"{where}: {interval:g} s after the row before, but earlier rows are "
                    f"{step:g} s apart; fill the gap (with a count of 0 where there were no calls)"
                )
        times.append(time)
        counts.append(count)
    if len(times) < 2:  # noqa: PLR2004
        raise PlanError(f"{path} has {len(times)} rows of timestamp,count: expected at least 2")
    return _profile(path, times[0], step, np.array(counts, dtype=np.float64))


def _read_cloudwatch(path: Path, text: str) -> Profile:
    try:
        response: Any = json.loads(text)
    except json.JSONDecodeError as error:
        raise PlanError(f"{path}, line {error.lineno}: not JSON ({error.msg})") from error
    results = response.get("MetricDataResults") if isinstance(response, dict) else None
    if not isinstance(results, list) or len(results) != 1 or not isinstance(results[0], dict):
        raise PlanError(
            f"{path} does not hold a single metric: expected the output of `aws cloudwatch "
            "get-metric-data` with one entry in MetricDataResults (Sum of Count or Invocations)"
        )
    stamps, values = results[0].get("Timestamps", []), results[0].get("Values", [])
    if not (isinstance(stamps, list) and isinstance(values, list)):
        raise PlanError(f"{path}: Timestamps and Values are not both lists")
    if len(stamps) != len(values) or len(stamps) < 2:  # noqa: PLR2004
        raise PlanError(
            f"{path} has {len(stamps)} Timestamps and {len(values)} Values: expected equally many, "
            "at least two"
        )
    rows = sorted(
        (_parse_time(str(stamp), f"{path}, Timestamps[{index}]"),
         _parse_count(str(value), f"{path}, Values[{index}]"))
        for index, (stamp, value) in enumerate(zip(stamps, values, strict=True))
    )  # fmt: skip
    times = np.array([row[0] for row in rows])
    intervals = np.diff(times)
    if intervals.min() <= 0:
        duplicate = datetime.fromtimestamp(times[int(intervals.argmin())], UTC)
        raise PlanError(
            f"{path} has two values for {duplicate:%Y-%m-%d %H:%M:%S}: request one statistic"
        )
    step = float(intervals.min())
    periods = (times - times[0]) / step
    if np.abs(periods - periods.round()).max() > 1e-6:  # noqa: PLR2004
        raise PlanError(f"{path}: not all Timestamps are a multiple of {step:g} s apart")
    if periods[-1] > _MAX_PERIODS:
        raise PlanError(
            f"{path} spans {periods[-1]:,.0f} periods of {step:g} s: at most {_MAX_PERIODS:,}"
        )
    counts = np.zeros(round(periods[-1]) + 1)  # CloudWatch omits periods without a call
    counts[periods.round().astype(np.int64)] = [row[1] for row in rows]
    return _profile(path, float(times[0]), step, counts)


def _profile(path: Path, start: float, step: float, counts: "np.typing.NDArray[Any]") -> Profile:
    if step % BIN_S:
        raise PlanError(
            f"{path} has a period of {step:g} s: expected a multiple of {BIN_S} s, best 60 s"
        )
    if not counts.sum() > 0:
        raise PlanError(f"{path} contains no request: expected a count above 0")
    return Profile(path.name, int(step), counts, start, counted=True)


def _parse_time(text: str, where: str) -> float:
    """Return Unix time from a number or an ISO 8601 time, which is UTC without an offset.

    A number is in seconds, milliseconds, microseconds or nanoseconds, by its size.
    """
    try:
        return _unix_seconds(float(text), text, where)
    except ValueError:
        pass
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        raise PlanError(
            f"{where}: {text!r} is not a time, expected 2026-11-22T10:00:00Z or Unix seconds"
        ) from error
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()


def _unix_seconds(number: float, text: str, where: str) -> float:
    if number >= 0:
        for limit, per_second in _PER_SECOND:
            if number < limit:
                return number / per_second
    raise PlanError(
        f"{where}: {text!r} is no Unix time, expected seconds or milliseconds since 1970, such as "
        "1795341600 or 1795341600000"
    )


def _parse_count(text: str, where: str) -> int:
    try:
        value = float(text)
    except ValueError as error:
        raise PlanError(
            f"{where}: {text!r} is not a count of requests, expected a whole number"
        ) from error
    if not (value <= _MAX_COUNT or math.isnan(value)):
        raise PlanError(f"{where}: a count of {text} requests, expected at most {_MAX_COUNT:.0e}")
    if value < 0:
        raise PlanError(f"{where}: a count of {text} requests, expected 0 or more")
    if not value.is_integer():  # nan and inf too
        raise PlanError(
            f"{where}: {text!r} is not a whole number of requests; use the Sum, not a mean"
        )
    return int(value)
