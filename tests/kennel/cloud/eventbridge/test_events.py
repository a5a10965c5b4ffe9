"""Rules: matching events reach their targets, and executions that end send events."""

import asyncio
import functools
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from kennel.cloud.cloudformation.deployed import DeployedResources
from kennel.cloud.cloudformation.template import Resource
from kennel.cloud.eventbridge.events import Events, check_rule
from kennel.cloud.eventbridge.targets import EventTargets, input_of
from kennel.cloud.iam.policy import trusts
from kennel.cloud.runtime.clients import client
from kennel.cloud.runtime.clock import Clock
from kennel.cloud.runtime.store import Store
from kennel.errors import CannotStart

FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:target"
ROLE = "arn:aws:iam::123456789012:role/rule"
WAIT_SECONDS = 60.0  # for moto on a busy machine

Invoked = list[dict[str, Any]]


def rule(pattern: dict[str, Any], *more: dict[str, Any], **target: Any) -> Resource:
    targets = [{"Id": "one", "Arn": FUNCTION, **target}, *more]
    name = f"events-{abs(hash(json.dumps(pattern)))}"
    return Resource(
        "Rule", "AWS::Events::Rule", name, name, {"EventPattern": pattern, "Targets": targets}
    )


def bus(url: str, invoked: Invoked, *resources: Resource, store: Store | None = None) -> Events:
    """Return a bus over moto at `url`; what functions are sent is added to `invoked`."""
    aws = functools.cache(lambda service: client(service, url))
    for each in resources:
        if each.type == "AWS::Events::Rule":
            pattern = json.dumps(each.properties["EventPattern"])
            aws("events").put_rule(Name=each.name, EventPattern=pattern)
    deployed = DeployedResources()
    for number, each in enumerate(resources):
        deployed.put(str(number), each)
    return Events(deployed, sender(url, invoked), aws, Clock(), store=store)


def sender(url: str, invoked: Invoked, *roles: Resource) -> EventTargets:
    """Return what sends events; a service may assume those of the roles that trust it."""
    return EventTargets(
        lambda arn, payload: invoked.append(json.loads(payload)),
        lambda service: client(service, url),
        lambda service, role: client(service, url, role.rpartition("/")[2]),
        lambda service, arn: any(
            each.arn == arn and trusts(each.properties, service) for each in roles
        ),
    )


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(WAIT_SECONDS):
        while not true():
            await asyncio.sleep(0.02)


ABORTED = {"source": ["aws.states"], "detail": {"status": ["ABORTED", "TIMED_OUT"]}}


def test_a_rule_gets_what_its_pattern_matches_and_nothing_else(moto: str) -> None:
    invoked: Invoked = []
    job = {"source": ["aws.sagemaker"], "detail-type": [{"prefix": "SageMaker Training"}]}

    async def whole() -> None:
        events = bus(moto, invoked, rule(ABORTED), rule(job))
        events.publish("Status Change", "aws.states", {"status": "SUCCEEDED"})
        events.publish("Status Change", "aws.states", {"status": "ABORTED"}, ["arn:execution"])
        events.publish("SageMaker Training Job State Change", "aws.sagemaker", {"x": 1})
        await until(lambda: len(invoked) == 2)
        await events.stop()

    asyncio.run(whole())
    by_source = {each["source"]: each for each in invoked}
    assert by_source["aws.states"]["detail"] == {"status": "ABORTED"}
    assert by_source["aws.states"]["resources"] == ["arn:execution"]
    assert by_source["aws.sagemaker"]["account"] == "123456789012"


def test_a_disabled_rule_is_silent(moto: str) -> None:
    invoked: Invoked = []

    async def whole() -> None:
        silent, heard = rule({"source": ["one.off"]}), rule({"source": ["one.off", "more"]})
        events = bus(moto, invoked, silent, heard)
        client("events", moto).disable_rule(Name=silent.name)
        events.publish("x", "one.off", {})
        await until(lambda: invoked)
        events.publish("x", "more", {})
        await until(lambda: len(invoked) == 2)

    asyncio.run(whole())
    assert [each["source"] for each in invoked] == ["one.off", "more"]


def machine(url: str, name: str, state: dict[str, Any], **more: Any) -> Resource:
    definition = {"StartAt": "Only", "States": {"Only": {**state, "End": True}}, **more}
    made = client("stepfunctions", url).create_state_machine(
        name=name,
        definition=json.dumps(definition),
        roleArn="arn:aws:iam::123456789012:role/tried",
    )
    arn = made["stateMachineArn"]
    return Resource("Machine", "AWS::StepFunctions::StateMachine", name, arn, {})


@pytest.mark.parametrize(
    ("state", "more", "stop", "status"),
    [
        ({"Type": "Wait", "Seconds": 3600}, {}, True, "ABORTED"),
        ({"Type": "Wait", "Seconds": 3600}, {"TimeoutSeconds": 1}, False, "TIMED_OUT"),
        ({"Type": "Pass"}, {}, False, "SUCCEEDED"),
        ({"Type": "Pass", "Parameters": {"b.$": "$.b"}}, {}, False, "FAILED"),
    ],
)
def test_an_execution_that_ends_sends_an_event_with_its_status(
    moto: str, state: dict[str, Any], more: dict[str, Any], stop: bool, status: str
) -> None:
    invoked: Invoked = []
    states = client("stepfunctions", moto)
    made = machine(moto, f"ends-{status}", state, **more)
    ended = rule({"source": ["aws.states"], "detail": {"status": [status]}})

    async def whole() -> None:
        events = bus(moto, invoked, made, ended)
        watching = asyncio.ensure_future(events.watch())
        arn = states.start_execution(stateMachineArn=made.arn, input='{"a": 1}')["executionArn"]
        events.execution_started()
        if stop:
            states.stop_execution(executionArn=arn, cause="tried")
        await until(lambda: invoked)
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        assert invoked[0]["resources"] == [arn]

    asyncio.run(whole())
    detail = invoked[0]["detail"]
    assert invoked[0]["detail-type"] == "Step Functions Execution Status Change"
    assert (detail["status"], detail["stateMachineArn"]) == (status, made.arn)
    assert json.loads(detail["input"]) == {"a": 1}
    assert detail["stopDate"] >= detail["startDate"] > 1e12  # milliseconds
    assert detail["error"] == ("States.Runtime" if status == "FAILED" else None)
    assert detail["cause"] == "tried" if stop else bool(detail["cause"]) == (status == "FAILED")
    assert (detail["redriveCount"], detail["redriveStatus"]) == (0, "NOT_REDRIVABLE")


def role(service: str) -> Resource:
    statement = {"Principal": {"Service": service}, "Action": "sts:AssumeRole", "Effect": "Allow"}
    policy = {"AssumeRolePolicyDocument": {"Statement": [statement]}}
    return Resource("RuleRole", "AWS::IAM::Role", "rule", ROLE, policy)


def executions(url: str, made: Resource) -> list[dict[str, Any]]:
    states = client("stepfunctions", url)
    listed = states.list_executions(stateMachineArn=made.arn)["executions"]
    return [states.describe_execution(executionArn=each["executionArn"]) for each in listed]


def test_a_state_machine_is_started_with_the_role_of_the_target(moto: str) -> None:
    made = machine(moto, "target", {"Type": "Pass"})
    start = rule({"source": ["to.machine"]}, Arn=made.arn, RoleArn=ROLE, InputPath="$.detail")

    async def whole() -> None:
        events = bus(moto, [], start, role("events.amazonaws.com"))
        events.publish("x", "to.machine", {"a": 1})
        await until(lambda: executions(moto, made))
        await events.stop()

    asyncio.run(whole())
    assert [json.loads(each["input"]) for each in executions(moto, made)] == [{"a": 1}]


def test_a_target_that_refuses_is_logged_and_the_others_get_the_event(
    moto: str, caplog: pytest.LogCaptureFixture
) -> None:
    invoked: Invoked = []
    function = {"Id": "two", "Arn": FUNCTION}
    missing = "arn:aws:states:us-east-1:123456789012:stateMachine:missing"
    start = rule({"source": ["to.both"]}, function, Arn=missing, RoleArn=ROLE)

    async def whole() -> None:
        events = bus(moto, invoked, start, role("events.amazonaws.com"))
        events.publish("x", "to.both", {})
        await until(lambda: invoked and caplog.text)
        await events.stop()

    asyncio.run(whole())
    assert "an event did not reach its target: " in caplog.text
    assert "StateMachineDoesNotExist" in caplog.text


def test_an_event_that_a_target_refuses_goes_to_its_dead_letter_queue(moto: str) -> None:
    missing = "arn:aws:states:us-east-1:123456789012:stateMachine:missing"
    sqs = client("sqs", moto)
    url = sqs.create_queue(QueueName="dead")["QueueUrl"]
    dead = {"Arn": "arn:aws:sqs:us-east-1:123456789012:dead"}
    start = rule(
        {"source": ["to.nobody"]},
        Arn=missing,
        RoleArn=ROLE,
        InputPath="$.detail",
        DeadLetterConfig=dead,
    )
    messages: list[Any] = []

    async def whole() -> None:
        events = bus(moto, [], start, role("events.amazonaws.com"))
        events.publish("x", "to.nobody", {"a": 1})

        def received() -> bool:
            messages.extend(sqs.receive_message(QueueUrl=url).get("Messages", []))
            return bool(messages)

        await until(received)
        await events.stop()

    asyncio.run(whole())
    event = json.loads(messages[0]["Body"])  # the whole event, not the target's part of it
    assert (event["source"], event["detail"]) == ("to.nobody", {"a": 1})


class BusyQueue:
    """A client of SQS that refuses some calls as a service refuses that cannot answer now."""

    def __init__(self, refusals: int) -> None:
        self.refusals = refusals
        self.received: list[str] = []

    def send_message(self, QueueUrl: str, MessageBody: str) -> None:  # noqa: N803 - boto3's names
        if self.refusals:
            self.refusals -= 1
            error: Any = {
                "Error": {"Code": "ServiceUnavailable"},
                "ResponseMetadata": {"HTTPStatusCode": 503},
            }
            raise ClientError(error, "SendMessage")
        self.received.append(MessageBody)


def test_a_target_that_cannot_answer_now_gets_its_event_later(moto: str) -> None:
    queue = BusyQueue(refusals=2)
    targets = EventTargets(lambda arn, payload: None, lambda service: queue, None, None)  # type: ignore[arg-type]
    arn = "arn:aws:sqs:us-east-1:123456789012:busy"
    asyncio.run(targets.send(arn, {"a": 1}))
    assert queue.received == ['{"a": 1}']


@pytest.mark.parametrize(
    ("resources", "target"),
    [
        ([], {}),
        ([], {"RoleArn": "arn:aws:iam::123456789012:role/another"}),
        ([role("states.amazonaws.com")], {"RoleArn": ROLE}),
    ],
    ids=["no role", "a role of nobody", "a role for another service"],
)
def test_a_state_machine_that_could_never_be_started_stops_the_start(
    moto: str, resources: list[Resource], target: dict[str, str]
) -> None:
    arn = "arn:aws:states:us-east-1:123456789012:stateMachine:any"
    start = {"Arn": arn, **target}
    with pytest.raises(CannotStart, match=r"expected RoleArn to .* events\.amazonaws\.com may"):
        sender(moto, [], *resources).check(start, "events.amazonaws.com")


def test_each_change_of_an_execution_sends_one_event_also_after_a_restart(moto: str) -> None:
    invoked: Invoked = []
    states = client("stepfunctions", moto)
    made = machine(moto, "restarts", {"Type": "Wait", "SecondsPath": "$.seconds"})
    every = rule({"source": ["aws.states"], "detail": {"stateMachineArn": [made.arn]}})
    start = functools.partial(states.start_execution, stateMachineArn=made.arn)
    quick, slow = (
        start(input=json.dumps({"seconds": seconds}))["executionArn"] for seconds in (0, 3600)
    )
    store = Store(None)

    async def run_until(count: int) -> None:
        events = bus(moto, invoked, made, every, store=store)
        watching = asyncio.ensure_future(events.watch())
        await until(lambda: len(invoked) >= count)
        await asyncio.sleep(1)  # for what should not come
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)

    while states.describe_execution(executionArn=quick)["status"] == "RUNNING":
        time.sleep(0.05)
    asyncio.run(run_until(2))
    states.stop_execution(executionArn=slow)  # and the cloud ends before the event is sent
    asyncio.run(run_until(3))
    statuses = [(each["resources"][0], each["detail"]["status"]) for each in invoked]
    assert sorted(statuses[:2]) == sorted([(quick, "SUCCEEDED"), (slow, "RUNNING")])
    assert statuses[2:] == [(slow, "ABORTED")]


EVENT = {"time": "now", "detail": {"name": "k-1", "n": 3}}


@pytest.mark.parametrize(
    ("target", "sent"),
    [
        ({}, EVENT),
        ({"Input": '{"fixed": true}'}, {"fixed": True}),
        ({"InputPath": "$.detail"}, EVENT["detail"]),
        (
            {
                "InputTransformer": {
                    "InputPathsMap": {"name": "$.detail.name", "n": "$.detail.n"},
                    "InputTemplate": '{"job": "<name>", "count": <n>}',
                }
            },
            {"job": "k-1", "count": 3},
        ),
        (
            {
                "InputTransformer": {
                    "InputPathsMap": {"name": "$.detail.name"},
                    "InputTemplate": '"Execution <name> stopped."',
                }
            },
            "Execution k-1 stopped.",
        ),
    ],
)
def test_what_a_target_is_sent(target: dict[str, Any], sent: Any) -> None:
    assert input_of(target, EVENT) == sent


def test_a_pattern_or_target_that_would_never_be_served_stops_the_start() -> None:
    with pytest.raises(CannotStart, match=r"rule Rule matches source by sounds-like"):
        check_rule(rule({"source": [{"sounds-like": "aws"}]}))
    with pytest.raises(CannotStart, match="the target arn:aws:firehose"):
        check_rule(rule(ABORTED, Arn="arn:aws:firehose:us-east-1:1:deliverystream/x"))
