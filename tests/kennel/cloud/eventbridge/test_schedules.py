"""Schedules fire when they are due on the offline clock."""

import asyncio
import functools
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from kennel.cloud.cloudformation.deployed import DeployedResources
from kennel.cloud.cloudformation.template import Resource
from kennel.cloud.eventbridge.events import Events
from kennel.cloud.eventbridge.schedules import Schedules, next_time
from kennel.cloud.eventbridge.targets import EventTargets
from kennel.cloud.runtime.clients import client
from kennel.cloud.runtime.clock import Clock
from kennel.cloud.runtime.health import Health
from kennel.errors import CannotStart

FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:guard"


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("expression", "zone", "expected"),
    [
        ("rate(1 minute)", "UTC", "2026-11-22 10:01:30"),
        ("rate(2 hours)", "UTC", "2026-11-22 12:00:30"),
        ("cron(0 * * * ? *)", "UTC", "2026-11-22 11:00:00"),
        ("cron(30 9 * * ? *)", "UTC", "2026-11-23 09:30:00"),
        ("cron(30 11 * * ? *)", "Europe/Berlin", "2026-11-22 10:30:00"),
        ("cron(0 8 ? * MON *)", "UTC", "2026-11-23 08:00:00"),
        ("at(2026-12-24T18:00:00)", "UTC", "2026-12-24 18:00:00"),
        ("at(2026-11-21T18:00:00)", "UTC", None),
    ],
)
def test_when_an_expression_fires_next(expression: str, zone: str, expected: str | None) -> None:
    moment = next_time(expression, at("2026-11-22 10:00:30"), zone)
    assert moment == (at(expected) if expected else None)


def test_cron_time_of_the_next_second_is_not_missed() -> None:
    eight = at("2026-11-23 08:00:00")
    for before in (1.0, 0.1):
        assert next_time("cron(0 8 * * ? *)", eight - before) == eight
    assert next_time("cron(0 8 * * ? *)", eight) == eight + 86400


@pytest.mark.parametrize("expression", ["rate(5)", "cron(* * *)", "every day", "cron(0 8 * * * *)"])
def test_what_aws_would_refuse_stops_the_start(expression: str) -> None:
    with pytest.raises(CannotStart, match="schedule"):
        next_time(expression, 0.0)


def test_a_rule_and_a_schedule_fire_on_the_clock_until_disabled(moto: str) -> None:
    invoked: list[Any] = []
    aws = functools.cache(lambda service: client(service, moto))
    clock = Clock(speed=0)
    target = {"Id": "one", "Arn": FUNCTION}
    rule = Resource(
        "Hourly",
        "AWS::Events::Rule",
        "hourly",
        "arn:hourly",
        {"ScheduleExpression": "rate(1 hour)", "Targets": [target]},
    )
    aws("events").put_rule(Name="hourly", ScheduleExpression="rate(1 hour)")
    with_time = {"Arn": FUNCTION, "Input": '{"at": "<aws.scheduler.scheduled-time>"}'}
    schedule = Resource(
        "Daily",
        "AWS::Scheduler::Schedule",
        "daily",
        "arn:daily",
        {"ScheduleExpression": "rate(1 day)", "Target": with_time},
    )
    aws("scheduler").create_schedule(
        Name="daily",
        ScheduleExpression="rate(1 day)",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": FUNCTION, "RoleArn": "arn:aws:iam::123456789012:role/tried"},
    )

    async def whole() -> None:
        deployed = DeployedResources()
        deployed.put("tried", rule)
        deployed.put("tried", schedule)
        targets = EventTargets(
            lambda arn, payload: invoked.append(json.loads(payload)),
            aws,
            lambda service, role: client(service, moto, role),
            lambda service, arn: True,
        )
        events = Events(deployed, targets, aws, clock)
        schedules = Schedules(deployed, events, targets, aws, clock, health=Health())
        running = asyncio.ensure_future(schedules.run())

        async def after(seconds: float, count: int) -> None:
            clock.skip(seconds)
            async with asyncio.timeout(60):
                while len(invoked) < count:
                    await asyncio.sleep(0.02)

        await asyncio.sleep(0.1)
        assert invoked == []
        await after(3600, 1)
        assert (invoked[0]["source"], invoked[0]["resources"]) == ("aws.events", ["arn:hourly"])
        await asyncio.to_thread(aws("events").disable_rule, Name="hourly")
        await after(86400, 2)
        assert set(invoked[1]) == {"at"}
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    asyncio.run(whole())
    assert len(invoked) == 2
