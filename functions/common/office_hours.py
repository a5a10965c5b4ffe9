"""Office hours: times of the week in which the endpoint's minimum of instances is higher.

Application Auto Scaling keeps them by two scheduled actions, which set the minimum.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Self

# It brings the time zones, which an image of Lambda may lack.
from dateutil.tz import gettz  # type: ignore[import-untyped]

from common.environment import BadEnvironment, Environment

if TYPE_CHECKING:
    from types_boto3_application_autoscaling.type_defs import ScalableTargetActionTypeDef

__all__ = ["Action", "OfficeHours", "action_names"]

_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")  # as in AWS's cron expressions
_FORM = re.compile(r"([A-Z]{3})(?:-([A-Z]{3}))? (\d\d:\d\d)-(\d\d:\d\d)")


@dataclass(frozen=True, slots=True)
class Action:
    """A scheduled action."""

    name: str
    schedule: str  # cron(...)
    timezone: str
    capacity: ScalableTargetActionTypeDef


@dataclass(frozen=True, slots=True)
class OfficeHours:
    """Template parameters about office hours."""

    days: tuple[str, ...]  # OFFICE_HOURS, such as MON-FRI 08:00-18:00
    begin: str  # 08:00
    end: str  # 18:00
    timezone: str  # OFFICE_HOURS_TIMEZONE: a name of IANA's
    min_instances: int  # OFFICE_HOURS_MIN_INSTANCES: minimum between begin and end

    @classmethod
    def from_environment(cls, environment: Environment) -> Self | None:
        """Return the office hours; None if OFFICE_HOURS is empty.

        Raises
        ------
        BadEnvironment
            For a variable that is missing or invalid.
        """
        text = environment.text("OFFICE_HOURS")
        timezone = environment.text("OFFICE_HOURS_TIMEZONE")
        minimum = environment.integer("OFFICE_HOURS_MIN_INSTANCES")
        if not text:
            return None
        form = _FORM.fullmatch(text)
        if form is None or not {form[1], form[2] or form[1]} <= set(_DAYS):
            raise BadEnvironment(
                f"The environment variable OFFICE_HOURS is {text!r}, expected such as "
                "MON-FRI 08:00-18:00."
            )
        return cls(_days(form[1], form[2] or form[1]), form[3], form[4], timezone, minimum)

    def are_on(self, now: datetime) -> bool:
        """Return whether `now` lies within them."""
        local = now.astimezone(gettz(self.timezone))
        today = _DAYS[(local.weekday() + 1) % 7]  # Python's week begins on Monday
        return today in self.days and self.begin <= f"{local:%H:%M}" < self.end

    def problem(self, min_instances: int, max_instances: int) -> str:
        """Return a sentence if they contradict the bounds of autoscaling; empty if not."""
        if gettz(self.timezone) is None:
            return (
                f"OfficeHoursTimezone is {self.timezone!r}: expected a name of a time zone such as "
                "Europe/Berlin."
            )
        if self.begin >= self.end:
            return (
                f"OfficeHours begin at {self.begin} and end at {self.end}: they must end later on "
                "the same day."
            )
        if not min_instances <= self.min_instances <= max_instances:
            return (
                f"OfficeHoursMinInstances is {self.min_instances}: expected from MinInstances, "
                f"{min_instances}, to MaxInstances, {max_instances}."
            )
        return ""

    def actions(self, endpoint_name: str, min_instances: int) -> list[Action]:
        """Return the scheduled actions; `min_instances` is the minimum at other times."""
        begin, end = action_names(endpoint_name)
        return [
            self._action(begin, self.begin, self.min_instances),
            self._action(end, self.end, min_instances),
        ]

    def _action(self, name: str, time: str, minimum: int) -> Action:
        hour, minute = (int(part) for part in time.split(":"))
        schedule = f"cron({minute} {hour} ? * {','.join(self.days)} *)"
        return Action(name, schedule, self.timezone, {"MinCapacity": minimum})


def action_names(endpoint_name: str) -> tuple[str, str]:
    """Return the names of the two scheduled actions."""
    return f"{endpoint_name}-office-hours-begin", f"{endpoint_name}-office-hours-end"


def _days(first: str, last: str) -> tuple[str, ...]:
    """Return the days from one to another, over the end of the week if need be."""
    start, length = _DAYS.index(first), (_DAYS.index(last) - _DAYS.index(first)) % 7 + 1
    return tuple(_DAYS[(start + offset) % 7] for offset in range(length))
