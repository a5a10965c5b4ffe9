from dataclasses import replace
from datetime import UTC, datetime

import pytest

from common.environment import BadEnvironment, Environment
from common.office_hours import OfficeHours

VARIABLES = {
    "OFFICE_HOURS": "MON-FRI 08:00-18:30",
    "OFFICE_HOURS_TIMEZONE": "Europe/Berlin",
    "OFFICE_HOURS_MIN_INSTANCES": "3",
}
HOURS = OfficeHours(
    ("MON", "TUE", "WED", "THU", "FRI"), "08:00", "18:30", "Europe/Berlin", min_instances=3
)


def hours(text: str) -> OfficeHours | None:
    return OfficeHours.from_environment(Environment({**VARIABLES, "OFFICE_HOURS": text}))


def test_each_variable_reaches_its_setting() -> None:
    assert OfficeHours.from_environment(Environment(VARIABLES)) == HOURS
    assert hours("") is None


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("SUN 08:00-09:00", ("SUN",)),
        ("SAT-MON 08:00-09:00", ("SAT", "SUN", "MON")),
        ("MON-SUN 08:00-09:00", ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")),
    ],
)
def test_days_go_over_the_end_of_the_week(text: str, days: tuple[str, ...]) -> None:
    office_hours = hours(text)
    assert office_hours is not None
    assert office_hours.days == days


@pytest.mark.parametrize("text", ["08:00-18:00", "MON-FRI", "MON-FRY 08:00-18:00", "always"])
def test_malformed_office_hours_are_refused(text: str) -> None:
    with pytest.raises(BadEnvironment, match="expected such as MON-FRI 08:00-18:00"):
        hours(text)


def test_two_scheduled_actions_set_the_minimum_in_the_time_zone() -> None:
    begin, end = HOURS.actions("kennel", min_instances=1)
    assert (begin.name, begin.schedule, begin.capacity) == (
        "kennel-office-hours-begin",
        "cron(0 8 ? * MON,TUE,WED,THU,FRI *)",
        {"MinCapacity": 3},
    )
    assert (end.name, end.schedule, end.capacity) == (
        "kennel-office-hours-end",
        "cron(30 18 ? * MON,TUE,WED,THU,FRI *)",
        {"MinCapacity": 1},
    )
    assert begin.timezone == end.timezone == "Europe/Berlin"


@pytest.mark.parametrize(
    ("now", "on"),
    [
        ("2026-07-06T05:59", False),  # a Monday; Berlin is two hours ahead of UTC in summer
        ("2026-07-06T06:00", True),
        ("2026-01-05T06:59", False),  # and one in winter
        ("2026-01-05T07:00", True),
        ("2026-01-05T17:29", True),
        ("2026-01-05T17:30", False),
        ("2026-01-04T12:00", False),  # a Sunday
    ],
)
def test_hours_are_those_of_the_time_zone(now: str, on: bool) -> None:
    assert HOURS.are_on(datetime.fromisoformat(now).replace(tzinfo=UTC)) is on


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, ""),
        ({"min_instances": 2}, ""),
        ({"min_instances": 5}, ""),
        ({"timezone": "Europe/Berlln"}, "OfficeHoursTimezone is 'Europe/Berlln': expected a name"),
        ({"begin": "18:30"}, "OfficeHours begin at 18:30 and end at 18:30: they must end later"),
        ({"min_instances": 6}, "OfficeHoursMinInstances is 6: expected from MinInstances, 2, to"),
        ({"min_instances": 1}, "OfficeHoursMinInstances is 1: expected from MinInstances, 2, to"),
    ],
)
def test_settings_that_go_wrong_together(change: dict[str, object], words: str) -> None:
    problem = replace(HOURS, **change).problem(2, 5)  # type: ignore[arg-type]
    assert problem.startswith(words)
    assert bool(problem) is bool(words)
