"""Traffic that was counted: a CSV of timestamp,count, or CloudWatch's GetMetricData as JSON."""

import csv
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from kennel.planner.errors import BadPlan
from kennel.planner.inputs.settings import BIN_S
from kennel.planner.inputs.traffic import Profile

_MOST = 10_000_000  # rows; a year of minutes is half a million


def read(path: Path) -> Profile:
    """Read a profile from a file.

    Raises
    ------
    BadPlan
        With the line (of a CSV) or the number of the value (of JSON) that is wrong.
    """
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise BadPlan(f"cannot read the profile {path}: {error}") from error
    if path.suffix.lower() == ".json":
        return _cloudwatch(path, text)
    return _csv(path, text)


def _csv(path: Path, text: str) -> Profile:
    times: list[float] = []
    counts: list[int] = []
    step = 0.0
    for line, row in enumerate(csv.reader(text.splitlines()), 1):
        if not row or (line == 1 and [cell.strip().lower() for cell in row][:1] == ["timestamp"]):
            continue
        where = f"{path}, line {line}"
        if len(row) != 2:  # noqa: PLR2004
            raise BadPlan(
                f"{where}: {','.join(row)!r} has {len(row)} fields, expected timestamp,count"
            )
        at, count = _time(row[0].strip(), where), _count(row[1].strip(), where)
        if times:
            passed = at - times[-1]
            if passed <= 0:
                raise BadPlan(f"{where}: time goes back or stands still at {row[0].strip()!r}; "
                              "sort the rows by time, one for each moment")  # fmt: skip
            step = step or passed
            if passed != step:
                raise BadPlan(
                    f"{where}: {passed:g} s after the row before, where the rows before lie "
                    f"{step:g} s apart; fill the gap (with 0 where nobody called)"
                )
        times.append(at)
        counts.append(count)
    if len(times) < 2:  # noqa: PLR2004
        raise BadPlan(f"{path} has {len(times)} rows of timestamp,count: expected at least 2")
    return _profile(path, times[0], step, np.array(counts, dtype=np.float64))


def _cloudwatch(path: Path, text: str) -> Profile:
    try:
        held: Any = json.loads(text)
    except json.JSONDecodeError as error:
        raise BadPlan(f"{path}, line {error.lineno}: no JSON ({error.msg})") from error
    results = held.get("MetricDataResults") if isinstance(held, dict) else None
    if not isinstance(results, list) or len(results) != 1 or not isinstance(results[0], dict):
        raise BadPlan(
            f"{path} holds no single metric: expected the output of `aws cloudwatch "
            "get-metric-data` with one entry in MetricDataResults (Sum of Count or Invocations)"
        )
    stamps, values = results[0].get("Timestamps", []), results[0].get("Values", [])
    if len(stamps) != len(values) or len(stamps) < 2:  # noqa: PLR2004
        raise BadPlan(
            f"{path} has {len(stamps)} Timestamps and {len(values)} Values: expected as many of "
            "each, two at least"
        )
    rows = sorted(
        (_time(str(stamp), f"{path}, Timestamps[{index}]"),
         _count(str(value), f"{path}, Values[{index}]"))
        for index, (stamp, value) in enumerate(zip(stamps, values, strict=True))
    )  # fmt: skip
    times = np.array([row[0] for row in rows])
    apart = np.diff(times)
    if apart.min() <= 0:
        again = datetime.fromtimestamp(times[int(apart.argmin())], UTC)
        raise BadPlan(f"{path} has two values for {again:%Y-%m-%d %H:%M:%S}: ask for one statistic")
    step = float(apart.min())
    places = (times - times[0]) / step
    if np.abs(places - places.round()).max() > 1e-6:  # noqa: PLR2004
        raise BadPlan(f"{path}: not all Timestamps are a multiple of {step:g} s apart")
    if places[-1] > _MOST:
        raise BadPlan(f"{path} spans {places[-1]:,.0f} periods of {step:g} s: at most {_MOST:,}")
    counts = np.zeros(round(places[-1]) + 1)  # CloudWatch leaves out periods without a call
    counts[places.round().astype(np.int64)] = [row[1] for row in rows]
    return _profile(path, float(times[0]), step, counts)


def _profile(path: Path, start: float, step: float, counts: "np.typing.NDArray[Any]") -> Profile:
    if step % BIN_S:
        raise BadPlan(f"{path} counts by {step:g} s: expected a multiple of {BIN_S} s, best 60 s")
    if not counts.sum() > 0:
        raise BadPlan(f"{path} counts no request at all")
    return Profile(path.name, int(step), counts, start, counted=True)


def _time(text: str, where: str) -> float:
    """Return Unix seconds of a number, or of an ISO 8601 time; without an offset it is UTC."""
    try:
        return float(text)
    except ValueError:
        pass
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadPlan(
            f"{where}: {text!r} is no time, expected 2026-11-22T10:00:00Z or Unix seconds"
        ) from error
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def _count(text: str, where: str) -> int:
    try:
        value = float(text)
    except ValueError as error:
        raise BadPlan(f"{where}: {text!r} is no count of requests") from error
    if value < 0:
        raise BadPlan(f"{where}: {text} requests cannot be fewer than none")
    if not value.is_integer():  # nan and inf too
        raise BadPlan(f"{where}: {text!r} is no whole number of requests; take the Sum, not a mean")
    return int(value)
