"""Counted traffic, good and bad: each bad file ends in one sentence with its line."""

import json
from pathlib import Path

import numpy as np
import pytest

from kennel.planner.errors import PlanError
from kennel.planner.inputs.traffic_files import read


def csv(folder: Path, text: str) -> Path:
    path = folder / "calls.csv"
    path.write_text(text)
    return path


def test_a_csv_is_read_as_it_was_counted(tmp_path: Path) -> None:
    profile = read(csv(tmp_path, "timestamp,count\n2026-11-22T10:00:00Z,60\n"
                               "2026-11-22T10:01:00Z,0\n2026-11-22T10:02:00Z,600\n"))  # fmt: skip
    assert (profile.step, profile.requests.tolist(), profile.counted) == (60, [60, 0, 600], True)
    assert profile.start == 1_795_341_600.0
    drawn = profile.draw(3)
    assert np.add.reduceat(drawn, [0, 6, 12]).tolist() == [60, 0, 600]


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("timestamp,count\n0,1\n60,1\n180,1\n", 4, "fill the gap"),
        ("0,1\n60,-5\n", 2, "a count of -5 requests"),
        ("0,1\n60,2\n0,3\n", 3, "is not later than the row before"),
        ("0,1\n0,2\n", 2, "is not later than the row before"),
        ("0,1\nnoon,2\n", 2, "'noon' is not a time"),
        ("0,1\n60,many\n", 2, "'many' is not a count"),
        ("0,1\n60,2.5\n", 2, "not a whole number"),
        ("0,1\n60,nan\n", 2, "not a whole number"),
        ("0,1\n60,1e300\n", 2, "expected at most 1e+12"),
        ("0,1\n60,inf\n", 2, "expected at most 1e+12"),
        ("0,1\nnan,2\n", 2, "'nan' is no Unix time, expected seconds or milliseconds"),
        ("0,1\n1e300,2\n", 2, "'1e300' is no Unix time"),
        ("-60,1\n0,2\n", 1, "'-60' is no Unix time"),
        ("0,1\n60,2,3\n", 2, "3 fields"),
        ("timestamp,count\n0,1\n60\n", 3, "1 fields"),
    ],
)
def test_a_bad_row_is_named_by_its_line(tmp_path: Path, text: str, line: int, says: str) -> None:
    with pytest.raises(PlanError) as caught:
        read(csv(tmp_path, text))
    sentence = str(caught.value)
    assert f"calls.csv, line {line}:" in sentence
    assert says in sentence
    assert "\n" not in sentence


@pytest.mark.parametrize("digits", [0, 3, 6, 9])
def test_unix_times_have_the_unit_of_their_size(tmp_path: Path, digits: int) -> None:
    begin = 1_795_341_600
    rows = [f"{(begin + 60 * minute) * 10**digits},{minute + 1}" for minute in range(3)]
    profile = read(csv(tmp_path, "\n".join(rows)))
    assert (profile.start, profile.step, profile.seconds) == (begin, 60, 180)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "0 rows"),
        ("timestamp,count\n0,1\n", "1 rows"),
        ("0,0\n60,0\n", "no request"),
        ("0,1\n7,1\n", "multiple of 10 s"),
    ],
)
def test_a_csv_that_is_no_profile(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(PlanError, match=says):
        read(csv(tmp_path, text))


def cloudwatch(folder: Path, stamps: list[str], values: list[float]) -> Path:
    path = folder / "calls.json"
    entry = {"Id": "m1", "Label": "Count", "Timestamps": stamps, "Values": values}
    path.write_text(json.dumps({"MetricDataResults": [entry], "Messages": []}))
    return path


def test_cloudwatch_lists_the_newest_first_and_leaves_out_silent_periods(tmp_path: Path) -> None:
    stamps = [f"2026-11-22T10:{minute:02d}:00+00:00" for minute in (7, 6, 5, 2)]
    profile = read(cloudwatch(tmp_path, stamps, [40.0, 30.0, 20.0, 10.0]))
    assert profile.step == 60
    assert profile.requests.tolist() == [10, 0, 0, 20, 30, 40]


def test_cloudwatch_values_that_are_no_sums_are_refused(tmp_path: Path) -> None:
    stamps = ["2026-11-22T10:00:00Z", "2026-11-22T10:01:00Z"]
    with pytest.raises(PlanError, match=r"Values\[1\].*use the Sum"):
        read(cloudwatch(tmp_path, stamps, [1.0, 0.5]))
    with pytest.raises(PlanError, match="2 Timestamps and 1 Values"):
        read(cloudwatch(tmp_path, stamps, [1.0]))
    with pytest.raises(PlanError, match="two values for"):
        read(cloudwatch(tmp_path, [stamps[0], stamps[0]], [1.0, 2.0]))


def test_json_that_is_broken_or_something_else(tmp_path: Path) -> None:
    path = tmp_path / "calls.json"
    path.write_text('{\n"MetricDataResults": [\n')
    with pytest.raises(PlanError, match=r"calls\.json, line 3: not JSON"):
        read(path)
    path.write_text('{"Datapoints": []}')
    with pytest.raises(PlanError, match="get-metric-data"):
        read(path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="cannot read the profile"):
        read(tmp_path / "none.csv")
