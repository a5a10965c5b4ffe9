"""Schedules: rules with a ScheduleExpression and AWS::Scheduler::Schedule, on the offline clock.

rate(), cron() and at(), UTC unless a schedule names its time zone:
https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
"""

import asyncio
import functools
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from aws_croniter.aws_croniter import AwsCroniter
from aws_croniter.exceptions import AwsCroniterExpressionError

from kennel.cloud.cloudformation.deployed import DeployedResources
from kennel.cloud.cloudformation.names import ACCOUNT, REGION
from kennel.cloud.cloudformation.template import Resource
from kennel.cloud.eventbridge.events import Events
from kennel.cloud.eventbridge.targets import EventTargets, Json, service_of
from kennel.cloud.runtime.clients import Clients
from kennel.cloud.runtime.clock import Clock
from kennel.cloud.runtime.health import Health, keep_running
from kennel.errors import CannotStart

_RATE = re.compile(r"rate\((\d+) (minute|hour|day)s?\)")
_CRON = re.compile(r"cron\((.+)\)")
_AT = re.compile(r"at\((\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\)")
_SECONDS = {"minute": 60, "hour": 3600, "day": 86400}
_LOOK_SECONDS = 0.5  # between two looks for schedules that have come or gone

#: Fires a rule or a schedule at a Unix time.
Fire = Callable[[Resource, float], Awaitable[None]]


def next_time(expression: str, after: float, zone: str = "UTC") -> float | None:
    """Return when an expression fires next after the Unix time `after`; None for never.

    Raises
    ------
    CannotStart
        For an expression that AWS would refuse.
    """
    if match := _RATE.fullmatch(expression):
        return after + int(match[1]) * _SECONDS[match[2]]
    local = datetime.fromtimestamp(after, ZoneInfo(zone))
    if match := _CRON.fullmatch(expression):
        try:
            cron = AwsCroniter(match[1])
        except AwsCroniterExpressionError as error:
            raise CannotStart(f"the schedule {expression} is no cron of AWS's: {error}") from error
        # AwsCroniter takes UTC only: it gets the local wall clock as if that were UTC.
        times = cron.get_next(local.replace(tzinfo=UTC))
        return times[0].replace(tzinfo=ZoneInfo(zone)).timestamp() if times else None
    if match := _AT.fullmatch(expression):
        moment = datetime.fromisoformat(match[1]).replace(tzinfo=ZoneInfo(zone)).timestamp()
        return moment if moment > after else None
    raise CannotStart(
        f"the schedule is {expression!r}, expected rate(5 minutes), cron(0 8 * * ? *) or at(...)"
    )


class Schedules:
    """Fires the schedules of rules, and those of EventBridge Scheduler.

    Parameters
    ----------
    deployed
        Has them; those that come or change are fired from then on.
    client
        A boto3 client to moto by service: a schedule disabled there does not fire.
    health
        Records each schedule that fails; it is run again.
    """

    def __init__(
        self,
        deployed: DeployedResources,
        events: Events,
        targets: EventTargets,
        client: Clients,
        clock: Clock,
        *,
        health: Health,
    ) -> None:
        self._events = events
        self._targets = targets
        self._client = client
        self._clock = clock
        self._health = health
        self._deployed = deployed

    async def run(self) -> None:
        """Fire each schedule at its times, until cancelled."""
        running: list[tuple[Resource, asyncio.Task[None]]] = []
        version = -1
        async with asyncio.TaskGroup() as tasks:
            while True:
                if version != self._deployed.version:
                    version = self._deployed.version
                    wanted = self._wanted()
                    for resource, task in running:
                        if resource not in [each for each, _ in wanted]:
                            task.cancel()
                    running = [each for each in running if not each[1].cancelling()]
                    for resource, fire in wanted:
                        if resource not in [each for each, _ in running]:
                            repeat = functools.partial(self._repeat, resource, fire)
                            name = f"schedule {resource.logical_id}"
                            work = keep_running(name, repeat, self._health)
                            running.append((resource, tasks.create_task(work)))
                await asyncio.sleep(_LOOK_SECONDS)

    def _wanted(self) -> list[tuple[Resource, Fire]]:
        rules = self._deployed.of_type("AWS::Events::Rule")
        schedules = self._deployed.of_type("AWS::Scheduler::Schedule")
        return [
            *((rule, self._fire_rule) for rule in rules if _expression(rule)),
            *((schedule, self._fire_schedule) for schedule in schedules),
        ]

    async def _repeat(self, resource: Resource, fire: Fire) -> None:
        moment: float | None = self._clock.now()
        while moment is not None:
            expression = resource.properties["ScheduleExpression"]
            moment = next_time(expression, max(moment, self._clock.now() - 1), _zone(resource))
            if moment is not None:
                await self._clock.sleep_until(moment)
                await fire(resource, moment)

    async def _fire_rule(self, rule: Resource, moment: float) -> None:
        if not await asyncio.to_thread(self._events.enabled, rule):
            return
        event: Json = {
            "version": "0",
            "id": f"{int(moment)}",
            "detail-type": "Scheduled Event",
            "source": "aws.events",
            "account": ACCOUNT,
            "time": _written(moment),
            "region": REGION,
            "resources": [rule.arn],
            "detail": {},
        }
        await self._events.fire(rule, event)

    async def _fire_schedule(self, schedule: Resource, moment: float) -> None:
        described = await asyncio.to_thread(
            self._client("scheduler").get_schedule, Name=schedule.name
        )
        if described.get("State", "ENABLED") != "ENABLED":
            return
        target = schedule.properties["Target"]
        document = _input(target, moment)
        await self._targets.send(target["Arn"], document, target.get("RoleArn", ""))


def _input(target: Mapping[str, Any], moment: float) -> Any:
    """Return a schedule's input, EventBridge Scheduler's context attributes filled in."""
    template = str(target.get("Input", "{}"))
    return json.loads(template.replace("<aws.scheduler.scheduled-time>", _written(moment)))


def check_schedule(resource: Resource) -> None:
    """Check a rule's or schedule's expression and a schedule's target; raises CannotStart."""
    if expression := _expression(resource):
        next_time(expression, 0.0, _zone(resource))
    if target := resource.properties.get("Target"):
        service_of(target["Arn"])


def _expression(resource: Resource) -> str:
    return str(resource.properties.get("ScheduleExpression", ""))


def _zone(resource: Resource) -> str:
    return str(resource.properties.get("ScheduleExpressionTimezone", "UTC"))


def _written(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
