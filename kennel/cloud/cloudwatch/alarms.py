"""Evaluate the alarms of the offline CloudWatch on its clock, and carry out their actions.

moto stores alarms and does not evaluate them. They are evaluated here by their own period,
statistic, M out of N and treatment of missing data, and their state is set in moto. A state that a
client sets (`aws cloudwatch set-alarm-state`) has its actions carried out too, and holds until the
next evaluation, as on AWS.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/AlarmThatSendsEmail.html

`alarms.on(prefix, action)` adds an action for ARNs (SNS topics are known), and `alarms.run()` is a
task. Metric math, anomaly bands and composite alarms are not emulated; such an alarm is reported by
its name, once.
"""

import asyncio
import json
import operator
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from kennel.cloud.cloudformation.names import ACCOUNT
from kennel.cloud.cloudwatch.alarm_state import reason, state_of
from kennel.cloud.cloudwatch.metrics import Metrics, Series, is_known
from kennel.cloud.runtime.clock import Clock

if TYPE_CHECKING:
    from types_boto3_cloudwatch import CloudWatchClient
    from types_boto3_sns import SNSClient

Json = dict[str, Any]
#: (alarm as DescribeAlarms gives it, the new state, the newest point or None)
Action = Callable[[Json, str, float | None], Awaitable[None]]

TICK_SECONDS = 10  # how often CloudWatch evaluates a high-resolution alarm; others each minute
LEAST_REAL_SECONDS = 0.1  # between two evaluations, however fast the clock runs
MORE_POINTS = 2  # that CloudWatch looks back beyond EvaluationPeriods where points are missing

_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "GreaterThanOrEqualToThreshold": operator.ge,
    "GreaterThanThreshold": operator.gt,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}


class Alarms:
    """Evaluates alarms.

    Parameters
    ----------
    cloudwatch, sns
        boto3 clients of moto.
    report
        Called with a sentence for what is not emulated.
    """

    def __init__(
        self,
        cloudwatch: "CloudWatchClient",
        sns: "SNSClient",
        metrics: Metrics,
        clock: Clock,
        report: Callable[[str], None] = lambda line: None,
    ) -> None:
        self._cloudwatch = cloudwatch
        self._metrics = metrics
        self._clock = clock
        self._report = report
        self._reported: set[str] = set()
        self._evaluated: dict[str, float] = {}
        self._known: dict[str, str] = {}
        self._last_alarm: dict[str, float] = {}
        self._actions: dict[str, Action] = {}
        self._repeated: set[str] = set()
        self._sns = sns
        self.on("arn:aws:sns:", self._publish)

    def on(self, prefix: str, action: Action, *, repeat: bool = False) -> None:
        """Call `action` for the ARNs with this prefix that an alarm's actions name.

        Parameters
        ----------
        repeat
            Whether to call it at each evaluation while the state holds, as for scaling policies.
        """
        self._actions[prefix] = action
        if repeat:
            self._repeated.add(prefix)

    async def tripped(self, names: Sequence[str], since: float) -> list[str]:
        """Return those of `names` that were in ALARM at any time since (Unix seconds)."""
        for alarm in await self._alarms():
            if alarm["StateValue"] == "ALARM":
                self._last_alarm[alarm["AlarmName"]] = self._clock.now()
        return [name for name in names if self._last_alarm.get(name, -1.0) >= since]

    async def run(self) -> None:
        """Evaluate as often as CloudWatch does, until cancelled."""
        while True:
            tick = self._clock.now() // TICK_SECONDS * TICK_SECONDS + TICK_SECONDS
            await self._clock.sleep_until(tick)
            try:
                await self.evaluate()
            except BotoCoreError as error:  # moto was too busy to answer: retried at the next tick
                self._report_once("moto", f"alarms wait for CloudWatch: {error}")
            await asyncio.sleep(LEAST_REAL_SECONDS)

    async def evaluate(self) -> None:
        """Evaluate every alarm whose newest complete period is not evaluated yet."""
        now = self._clock.now()
        for alarm in await self._alarms():
            try:
                await self._update(alarm, now)
            except ClientError as error:  # such as a topic or an alarm that was deleted meanwhile
                name = alarm["AlarmName"]
                self._report_once(
                    f"{name} {error}", f"the alarm {name} could not be served: {error}"
                )

    async def _update(self, alarm: Json, now: float) -> None:
        name, state = alarm["AlarmName"], alarm["StateValue"]
        if state == "ALARM":
            self._last_alarm[name] = now
        before = self._known.setdefault(name, state)
        self._known[name] = state
        if before != state:  # a client set it
            await self._act(alarm, before, state, None)
        if self._is_emulated(alarm):
            await self._evaluate(alarm, now)

    async def _evaluate(self, alarm: Json, now: float) -> None:
        name, before = alarm["AlarmName"], alarm["StateValue"]
        periods, period = alarm["EvaluationPeriods"], alarm["Period"]
        count = periods + MORE_POINTS
        end = now // period * period
        if self._evaluated.get(name) == end:
            return
        self._evaluated[name] = end
        dimensions = {each["Name"]: each["Value"] for each in alarm.get("Dimensions", [])}
        points = await self._metrics.points(
            Series.of(alarm["Namespace"], alarm["MetricName"], dimensions),
            alarm.get("ExtendedStatistic") or alarm["Statistic"],
            period,
            end - count * period,
            count,
        )
        compare = _COMPARE[alarm["ComparisonOperator"]]
        breaches = [None if p is None else compare(p, alarm["Threshold"]) for p in points]
        state = state_of(
            breaches,
            periods,
            alarm.get("DatapointsToAlarm") or periods,
            alarm.get("TreatMissingData") or "missing",
        )
        if _is_new(alarm) and state is None:
            state = "INSUFFICIENT_DATA"  # moto starts an alarm as OK
        state = state or before
        latest = next((point for point in reversed(points) if point is not None), None)
        if state != before:
            state_reason = reason(state, points, alarm)
            await asyncio.to_thread(
                self._cloudwatch.set_alarm_state,
                AlarmName=name,
                StateValue=state,
                StateReason=state_reason,
                StateReasonData="{}",
            )
            alarm["StateReason"] = state_reason
            self._known[name] = state
        if state == "ALARM":
            self._last_alarm[name] = now
        await self._act(alarm, before, state, latest)

    async def _act(self, alarm: Json, before: str, state: str, latest: float | None) -> None:
        """Carry out the actions for `state`: all when it is new, else those that repeat."""
        if not alarm.get("ActionsEnabled", True):
            return
        member = {"ALARM": "AlarmActions", "OK": "OKActions"}.get(state, "InsufficientDataActions")
        for arn in alarm.get(member, []):
            prefix = next((each for each in self._actions if arn.startswith(each)), None)
            if prefix is None:
                self._report_once(
                    arn, f"the alarm {alarm['AlarmName']} names {arn}, for which there is no action"
                )
            elif state != before or prefix in self._repeated:
                await self._actions[prefix](alarm | {"Acting": arn, "Was": before}, state, latest)

    def _is_emulated(self, alarm: Json) -> bool:
        name, is_simple = alarm["AlarmName"], bool(alarm.get("MetricName"))
        statistic = alarm.get("ExtendedStatistic") or alarm.get("Statistic") or ""
        if is_simple and is_known(statistic) and alarm["ComparisonOperator"] in _COMPARE:
            return True
        self._report_once(
            name,
            f"the alarm {name} is not evaluated: only those of one metric, of a plain statistic "
            "or a percentile, with a fixed threshold are",
        )
        return False

    def _report_once(self, about: str, sentence: str) -> None:
        if about not in self._reported:
            self._reported.add(about)
            self._report(sentence)

    async def _alarms(self) -> list[Json]:
        def read() -> list[Json]:
            pages = self._cloudwatch.get_paginator("describe_alarms").paginate()
            alarms: list[Any] = [each for page in pages for each in page["MetricAlarms"]]
            return alarms

        return await asyncio.to_thread(read)

    async def _publish(self, alarm: Json, state: str, _: float | None) -> None:
        message = _message(alarm, state, self._clock.now())
        await asyncio.to_thread(
            self._sns.publish,
            TopicArn=alarm["Acting"],
            Subject=f'{state}: "{alarm["AlarmName"]}" in US East (N. Virginia)'[:100],
            Message=json.dumps(message),
        )


def _is_new(alarm: Json) -> bool:
    return str(alarm.get("StateReason", "")).startswith("Unchecked: Initial alarm creation")


def _message(alarm: Json, state: str, now: float) -> Json:
    """Return the document that an alarm publishes to its topics."""
    moment = datetime.fromtimestamp(now, UTC)
    return {
        "AlarmName": alarm["AlarmName"],
        "AlarmDescription": alarm.get("AlarmDescription"),
        "AWSAccountId": ACCOUNT,
        "NewStateValue": state,
        "NewStateReason": alarm.get("StateReason", ""),
        "StateChangeTime": f"{moment:%Y-%m-%dT%H:%M:%S.000+0000}",
        "Region": "US East (N. Virginia)",
        "AlarmArn": alarm["AlarmArn"],
        "OldStateValue": alarm["Was"],
        "Trigger": {
            key: alarm[key]
            for key in ("MetricName", "Namespace", "Period", "EvaluationPeriods", "Threshold")
            if key in alarm
        },
    }
