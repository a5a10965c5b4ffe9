"""Alarms declared in moto, evaluated on a clock that only skips."""

import asyncio
import json
from typing import Any

import pytest

from kennel.cloud.cloudwatch.alarm_state import state_of
from kennel.cloud.cloudwatch.alarms import Alarms
from kennel.cloud.cloudwatch.metrics import Metrics
from kennel.cloud.runtime.clients import client
from kennel.cloud.runtime.clock import Clock
from tests.stack import of_type, transformed

# From CloudWatch's documentation, "How alarm state is evaluated when data is missing": points
# (X breaches, 0 does not, - is missing), then the state for missing, ignore, breaching and
# notBreaching. N is 3 in both tables, M is 3 in the first and 2 in the second.
ALL_OF_THREE = {
    "0-X-X": "OK OK OK OK",
    "-----": "INSUFFICIENT_DATA - ALARM OK",
    "----0": "OK OK OK OK",
    "0XX-X": "ALARM ALARM ALARM ALARM",
    "--X--": "ALARM - ALARM OK",
}
TWO_OF_THREE = {
    "0-X-X": "ALARM ALARM ALARM ALARM",
    "00X0X": "ALARM ALARM ALARM ALARM",
    "0-X--": "OK OK ALARM OK",
    "----0": "OK OK ALARM OK",
    "---X-": "ALARM - ALARM OK",
}
TREATMENTS = ("missing", "ignore", "breaching", "notBreaching")
CASES = [
    (points, m, treatment, state)
    for m, table in ((3, ALL_OF_THREE), (2, TWO_OF_THREE))
    for points, states in table.items()
    for treatment, state in zip(TREATMENTS, states.split(), strict=True)
]


@pytest.mark.parametrize(("points", "m", "treatment", "state"), CASES)
def test_missing_data_as_the_documentation_has_it(
    points: str, m: int, treatment: str, state: str
) -> None:
    breaches = [{"X": True, "0": False, "-": None}[each] for each in points]
    assert state_of(breaches, 3, m, treatment) == (None if state == "-" else state)


def test_a_breach_that_is_too_young_does_not_alarm() -> None:
    assert state_of([None, None, None, None, True], 3, 3, "missing") is None


class Stand:
    """Alarms over a moto, a topic that is read through a queue, and a metric."""

    def __init__(self, url: str) -> None:
        self.cloudwatch, self.sns, self.sqs = (
            client(name, url) for name in ("cloudwatch", "sns", "sqs")
        )
        self.clock = Clock(speed=0)
        self.metrics = Metrics(self.clock, self.cloudwatch)
        self.reported: list[str] = []
        self.alarms = Alarms(
            self.cloudwatch, self.sns, self.metrics, self.clock, self.reported.append
        )
        self.topic = self.sns.create_topic(Name="t")["TopicArn"]
        self.queue = self.sqs.create_queue(QueueName="q")["QueueUrl"]
        arn = self.sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=["QueueArn"])
        self.sns.subscribe(
            TopicArn=self.topic, Protocol="sqs", Endpoint=arn["Attributes"]["QueueArn"]
        )

    def declare(self, **more: Any) -> None:
        settings: dict[str, Any] = {
            "AlarmName": "errors",
            "Namespace": "AWS/SageMaker",
            "MetricName": "Invocation5XXErrors",
            "Dimensions": [{"Name": "EndpointName", "Value": "e"}],
            "Statistic": "Sum",
            "Period": 60,
            "EvaluationPeriods": 2,
            "Threshold": 0.0,
            "ComparisonOperator": "GreaterThanThreshold",
            "TreatMissingData": "notBreaching",
            "AlarmActions": [self.topic],
            **more,
        }
        self.cloudwatch.put_metric_alarm(**settings)

    def minute(self, errors: int) -> None:
        """Let a minute pass with so many errors, then evaluate."""
        for _ in range(errors):
            self.metrics.count("AWS/SageMaker", "Invocation5XXErrors", {"EndpointName": "e"})
        self.clock.skip(60)
        asyncio.run(self.alarms.evaluate())

    def state(self) -> tuple[str, str]:
        (alarm,) = self.cloudwatch.describe_alarms()["MetricAlarms"]
        return alarm["StateValue"], alarm["StateReason"]

    def messages(self) -> list[dict[str, Any]]:
        got = self.sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10)
        bodies = [json.loads(each["Body"]) for each in got.get("Messages", [])]
        return [json.loads(each["Message"]) for each in bodies]


def test_an_alarm_publishes_one_message_when_it_goes_off_and_then_is_ok_again(account: str) -> None:
    stand = Stand(account)
    stand.declare()
    stand.minute(errors=0)
    assert stand.state()[0] == "OK"
    stand.minute(errors=1)
    assert stand.state()[0] == "OK"  # one of two
    stand.minute(errors=2)
    state, reason = stand.state()
    assert state == "ALARM"
    assert reason == (
        "Threshold Crossed: 2 datapoint(s) [1.0, 2.0] were GreaterThan the threshold (0.0)."
    )
    stand.minute(errors=3)
    (message,) = stand.messages()
    assert message["AlarmName"] == "errors"
    assert (message["OldStateValue"], message["NewStateValue"]) == ("OK", "ALARM")
    stand.minute(errors=0)
    stand.minute(errors=0)
    # Real points count before missing ones are filled in, as far back as CloudWatch looks.
    assert stand.state()[0] == "ALARM"
    stand.minute(errors=0)
    assert stand.state()[0] == "OK"
    assert stand.messages() == []


def test_a_percentile_of_latency_alarms(account: str) -> None:
    stand = Stand(account)
    stand.cloudwatch.put_metric_alarm(
        AlarmName="slow",
        Namespace="AWS/SageMaker",
        MetricName="ModelLatency",
        Dimensions=[{"Name": "EndpointName", "Value": "e"}],
        ExtendedStatistic="p90",
        Period=60,
        EvaluationPeriods=1,
        Threshold=500_000.0,
        ComparisonOperator="GreaterThanThreshold",
    )
    for share, expected in ((1, "OK"), (2, "ALARM")):
        for value in [100_000.0] * (10 - share) + [900_000.0] * share:
            stand.metrics.count("AWS/SageMaker", "ModelLatency", {"EndpointName": "e"}, value)
        stand.clock.skip(60)
        asyncio.run(stand.alarms.evaluate())
        assert stand.state()[0] == expected


def test_a_state_that_somebody_sets_acts_and_is_remembered(account: str) -> None:
    stand = Stand(account)
    stand.declare()
    stand.minute(errors=0)
    since = stand.clock.now()
    assert asyncio.run(stand.alarms.tripped(["errors"], since)) == []
    stand.cloudwatch.set_alarm_state(AlarmName="errors", StateValue="ALARM", StateReason="tried")
    stand.minute(errors=0)
    assert stand.state()[0] == "OK"  # the next evaluation sets it right
    assert [each["NewStateReason"] for each in stand.messages()] == ["tried"]
    assert asyncio.run(stand.alarms.tripped(["errors", "other"], since)) == ["errors"]
    assert asyncio.run(stand.alarms.tripped(["errors"], stand.clock.now() + 1)) == []


def test_an_alarm_without_data_is_insufficient_and_not_ok(account: str) -> None:
    stand = Stand(account)
    stand.declare(TreatMissingData="missing")
    stand.minute(errors=0)
    assert stand.state()[0] == "INSUFFICIENT_DATA"


def test_actions_can_be_off(account: str) -> None:
    stand = Stand(account)
    stand.declare(ActionsEnabled=False, EvaluationPeriods=1)
    stand.minute(errors=1)
    assert stand.state()[0] == "ALARM"
    assert stand.messages() == []


def test_what_is_not_imitated_is_named_once(account: str) -> None:
    stand = Stand(account)
    stand.declare(AlarmActions=["arn:aws:ssm:us-east-1:1:opsitem:1"], EvaluationPeriods=1)
    stand.cloudwatch.put_metric_alarm(
        AlarmName="rate",
        EvaluationPeriods=1,
        Threshold=1.0,
        ComparisonOperator="GreaterThanThreshold",
        Metrics=[{"Id": "rate", "Expression": "1 / 2", "ReturnData": True}],
    )
    stand.cloudwatch.put_metric_alarm(
        AlarmName="gone",
        Namespace="AWS/SageMaker",
        MetricName="Invocation5XXErrors",
        Dimensions=[{"Name": "EndpointName", "Value": "e"}],
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=0.0,
        ComparisonOperator="GreaterThanThreshold",
        AlarmActions=[stand.topic.replace(":t", ":none")],
    )
    stand.minute(errors=1)
    stand.minute(errors=1)
    assert len(stand.reported) == 3
    assert any("the alarm gone could not be served" in each for each in stand.reported)
    assert any("opsitem" in each for each in stand.reported)
    assert any("the alarm rate is not evaluated" in each for each in stand.reported)


@pytest.mark.parametrize(
    ("statuses", "alarming"),
    [
        ([200] * 20, set()),
        ([500] * 20, {"ApiErrorsAlarm", "ClassifyCrashesAlarm"}),
        ([200] * 99 + [500], {"ClassifyCrashesAlarm"}),
        ([200] * 99 + [503], set()),
        ([200] * 90 + [502] * 5 + [503] * 5, {"ApiErrorsAlarm"}),
    ],
)
def test_the_templates_alarms_on_failing_requests(
    account: str, statuses: list[int], alarming: set[str]
) -> None:
    stand = Stand(account)
    text = json.dumps(of_type(transformed(), "AWS::CloudWatch::Alarm"))
    for reference in ("AWS::StackName", "EndpointName"):
        text = text.replace(f'{{"Ref": "{reference}"}}', '"kennel"')
    alarms = json.loads(text)
    for name in ("ApiErrorsAlarm", "ClassifyCrashesAlarm", "ClassifyErrorsAlarm"):
        properties = {**alarms[name], "AlarmName": name, "AlarmActions": [stand.topic]}
        if name == "ClassifyErrorsAlarm":
            properties["Dimensions"] = [{"Name": "FunctionName", "Value": "kennel-classify"}]
        stand.cloudwatch.put_metric_alarm(**properties)
    for status in statuses:  # as API Gateway and the classifier's log line count them
        stand.metrics.count(
            "AWS/ApiGateway", "5XXError", {"ApiName": "kennel"}, float(status >= 500)
        )
        dimensions = {"Endpoint": "kennel", "Status": str(status)}
        stand.metrics.count("Kennel", "TookMs", dimensions, 80.0, "Milliseconds")
        stand.metrics.count("AWS/Lambda", "Errors", {"FunctionName": "kennel-classify"}, 0.0)
    stand.clock.skip(300)
    asyncio.run(stand.alarms.evaluate())
    described = stand.cloudwatch.describe_alarms()["MetricAlarms"]
    assert {each["AlarmName"] for each in described if each["StateValue"] == "ALARM"} == alarming
