"""Each of the template's alarms goes off in the offline cloud by a cause of its own.

The causes are real: processes, roles, configurations and executions are broken, and mended again.
Each is a minute after the one before. What an alarm says is read from the stack's topic.
"""

import functools
import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from kennel.cloud.cloud import Cloud
from kennel.cloud.runtime.clients import client
from kennel.cloud.runtime.faults import Fault
from kennel.demo import samples
from kennel.releases import live_release
from kennel.s3_prefix import S3Prefix
from tests.processes import processes_with
from tests.stack import of_type, transformed

PHOTO = samples()[0].photo.read_bytes()
ALARMS = of_type(transformed(), "AWS::CloudWatch::Alarm")
WINDOW = 300  # answers that DriftFunction compares with the baseline


def post(cloud: Cloud, photos: int = 1, at_once: int = 1) -> list[int]:
    """Post a photo some times; return the statuses."""
    headers = {"x-api-key": cloud.api_key, "content-type": "image/jpeg"}
    url = f"{cloud.api_url}/classify"

    def one(_: int) -> int:
        return httpx.post(url, content=PHOTO, headers=headers, timeout=60).status_code

    with ThreadPoolExecutor(at_once) as pool:
        return list(pool.map(one, range(photos)))


def name(cloud: Cloud, logical_id: str) -> str:
    return cloud.stack.resources[logical_id].name


def start(cloud: Cloud, machine: str, data: dict[str, Any], status: str) -> None:
    """Run an execution until it has this status."""
    states = client("stepfunctions", cloud.url)
    arn = states.start_execution(
        stateMachineArn=cloud.stack.resources[machine].arn, input=json.dumps(data)
    )["executionArn"]
    until(lambda: states.describe_execution(executionArn=arn)["status"] == status)


def answers_unlike_the_baseline(cloud: Cloud) -> None:
    """The live model's card says, until the fixture ends, that it was trained for Beagles."""
    s3, place = client("s3", cloud.url), live_card(cloud)
    card = json.loads(s3.get_object(**place)["Body"].read())
    confidence = [n / 100 for n in range(1, 100)]
    card["drift"] = {"no_dog": 5, "breeds": {"Beagle": 300}, "confidence": confidence}
    s3.put_object(**place, Body=json.dumps(card))
    answered = 0
    while answered < WINDOW:  # a busy machine answers some of them with 503 or 504
        answered += post(cloud, WINDOW - answered, at_once=4).count(200)


def live_card(cloud: Cloud) -> dict[str, str]:
    """Return bucket and key of the live model's card."""
    release = live_release(client("sagemaker", cloud.url), cloud.stack.outputs["EndpointName"])
    assert release
    package = S3Prefix.read(release.package)
    return {"Bucket": package.bucket, "Key": f"{package.prefix.rpartition('/')[0]}/card.json"}


def model_that_answers_500(cloud: Cloud) -> None:
    cloud.faults.add(Fault("InvokeEndpoint", "fail", times=3))
    assert post(cloud, 3) == [502, 502, 502]


def model_that_stands_still(cloud: Cloud) -> None:
    """Its processes get no time for longer than RollbackLatencyMs, 2 s."""
    processes = processes_with(b"server.py", below=os.getpid())
    for each in processes:
        os.kill(each, signal.SIGSTOP)
    try:
        with ThreadPoolExecutor(1) as pool:
            answered = pool.submit(post, cloud)
            time.sleep(2.3)
            for each in processes:
                os.kill(each, signal.SIGCONT)
            assert answered.result() == [200]
    finally:
        for each in processes:
            os.kill(each, signal.SIGCONT)


def endpoint_that_is_throttled(cloud: Cloud) -> None:
    cloud.faults.add(Fault("InvokeEndpoint", "throttle", times=3))
    assert post(cloud, 3) == [503, 503, 503]


def role_that_may_not_invoke_the_endpoint(cloud: Cloud) -> None:
    iam = client("iam", cloud.url)
    policy = {"RoleName": name(cloud, "ClassifyRole"), "PolicyName": "classify"}
    document = iam.get_role_policy(**policy)["PolicyDocument"]
    others = [
        each for each in document["Statement"] if "sagemaker:InvokeEndpoint" not in each["Action"]
    ]
    changed = {**document, "Statement": others}
    iam.put_role_policy(**policy, PolicyDocument=json.dumps(changed))
    try:
        assert post(cloud) == [500]
    finally:
        iam.put_role_policy(**policy, PolicyDocument=json.dumps(document))


def function_that_does_not_start(cloud: Cloud) -> None:
    functions = client("lambda", cloud.url)
    function = {"FunctionName": name(cloud, "ClassifyFunction")}
    handler = functions.get_function_configuration(**function)["Handler"]
    functions.update_function_configuration(**function, Handler="classify.app.renamed")
    try:
        assert post(cloud) == [502]
    finally:
        functions.update_function_configuration(**function, Handler=handler)


def more_requests_than_reserved_concurrency(cloud: Cloud) -> None:
    functions = client("lambda", cloud.url)
    function = {"FunctionName": name(cloud, "ClassifyFunction")}
    reserved = functions.get_function_concurrency(**function)["ReservedConcurrentExecutions"]
    functions.put_function_concurrency(**function, ReservedConcurrentExecutions=1)
    try:
        statuses = post(cloud, 40, at_once=20)
        assert statuses.count(503) > 10
    finally:
        functions.put_function_concurrency(**function, ReservedConcurrentExecutions=reserved)


def execution_with_a_wrong_input(cloud: Cloud) -> None:
    start(cloud, "TrainAndDeploy", {"unknown": 1}, "FAILED")


def clean_up_with_a_wrong_input(cloud: Cloud) -> None:
    start(cloud, "CleanUpMachine", {}, "FAILED")


def _after_a_second(cloud: Cloud, machine: str, data: dict[str, Any]) -> None:
    """The state machine's TimeoutSeconds is 1 instead of 12 hours."""
    states, arn = client("stepfunctions", cloud.url), cloud.stack.resources[machine].arn
    declared = states.describe_state_machine(stateMachineArn=arn)["definition"]
    short = {**json.loads(declared), "TimeoutSeconds": 1}
    states.update_state_machine(stateMachineArn=arn, definition=json.dumps(short))
    try:
        start(cloud, machine, data, "TIMED_OUT")
    finally:
        states.update_state_machine(stateMachineArn=arn, definition=declared)


def execution_that_takes_too_long(cloud: Cloud) -> None:
    _after_a_second(cloud, "TrainAndDeploy", {})


def clean_up_that_takes_too_long(cloud: Cloud) -> None:
    machine = cloud.stack.resources["TrainAndDeploy"].arn
    execution = f"{machine.replace(':stateMachine:', ':execution:')}:none"
    _after_a_second(cloud, "CleanUpMachine", {"executionArn": execution, "redriveCount": 0})


def rule_that_may_not_start_the_clean_up(cloud: Cloud) -> None:
    """An execution's event goes to the queue, where it stays until the fixture ends."""
    iam, sqs = client("iam", cloud.url), client("sqs", cloud.url)
    policy = {"RoleName": name(cloud, "CleanUpRuleRole"), "PolicyName": "clean-up-rule"}
    document = iam.get_role_policy(**policy)["PolicyDocument"]
    iam.delete_role_policy(**policy)
    try:
        start(cloud, "TrainAndDeploy", {"unknown": 1}, "FAILED")
        queue, count = missed_clean_ups(cloud), "ApproximateNumberOfMessages"
        held = {"QueueUrl": queue, "AttributeNames": [count]}
        until(lambda: sqs.get_queue_attributes(**held)["Attributes"][count] == "1")
        (message,) = sqs.receive_message(QueueUrl=queue, VisibilityTimeout=0)["Messages"]
        assert json.loads(message["Body"])["detail"]["status"] == "FAILED"
    finally:
        iam.put_role_policy(**policy, PolicyDocument=json.dumps(document))


def missed_clean_ups(cloud: Cloud) -> str:
    queue = name(cloud, "MissedCleanUps")
    return str(client("sqs", cloud.url).get_queue_url(QueueName=queue)["QueueUrl"])


CAUSES: dict[str, Callable[[Cloud], None]] = {
    "DriftAlarm": answers_unlike_the_baseline,
    "EndpointErrorsAlarm": model_that_answers_500,
    "EndpointLatencyAlarm": model_that_stands_still,
    "ApiErrorsAlarm": endpoint_that_is_throttled,
    "ClassifyCrashesAlarm": role_that_may_not_invoke_the_endpoint,
    "ClassifyErrorsAlarm": function_that_does_not_start,
    "ClassifyThrottlesAlarm": more_requests_than_reserved_concurrency,
    "ExecutionsFailedAlarm": execution_with_a_wrong_input,
    "ExecutionsTimedOutAlarm": execution_that_takes_too_long,
    "CleanUpFailedAlarm": clean_up_with_a_wrong_input,
    "CleanUpTimedOutAlarm": clean_up_that_takes_too_long,
    "CleanUpMissedAlarm": rule_that_may_not_start_the_clean_up,
}


class AlarmMessages:
    """The messages that the stack's topic publishes when alarms go off, by the alarm's name."""

    def __init__(self, cloud: Cloud) -> None:
        self._sqs, self._sns = client("sqs", cloud.url), client("sns", cloud.url)
        self._queue = self._sqs.create_queue(QueueName="alarm-messages")["QueueUrl"]
        arn = self._sqs.get_queue_attributes(QueueUrl=self._queue, AttributeNames=["QueueArn"])
        self._subscription = self._sns.subscribe(
            TopicArn=cloud.stack.outputs["TopicArn"],
            Protocol="sqs",
            Endpoint=arn["Attributes"]["QueueArn"],
        )["SubscriptionArn"]
        self._received: dict[str, dict[str, Any]] = {}

    def received(self) -> dict[str, dict[str, Any]]:
        """Return all messages so far."""
        while got := self._sqs.receive_message(QueueUrl=self._queue, MaxNumberOfMessages=10).get(
            "Messages"
        ):
            for each in got:
                self._sqs.delete_message(QueueUrl=self._queue, ReceiptHandle=each["ReceiptHandle"])
                text = json.loads(each["Body"])["Message"]
                if '"AlarmName"' in text:  # others are sentences for a person
                    message = json.loads(text)
                    self._received[message["AlarmName"]] = message
        return self._received

    def have_all(self, names: list[str]) -> bool:
        """Return whether a notification of every one of these alarms was received."""
        return set(names) <= self.received().keys()

    def end(self) -> None:
        self._sns.unsubscribe(SubscriptionArn=self._subscription)
        self._sqs.delete_queue(QueueUrl=self._queue)


@pytest.fixture(scope="module")
def messages(cloud: Cloud) -> Iterator[dict[str, dict[str, Any]]]:
    """Bring about every cause, and wait until the topic has had a message of every alarm."""
    alarm_messages, s3, place = AlarmMessages(cloud), client("s3", cloud.url), live_card(cloud)
    card = s3.get_object(**place)["Body"].read()
    names = [name(cloud, each) for each in CAUSES]
    for logical_id, cause in CAUSES.items():
        cloud.clock.skip(60)
        cause(cloud)
        if ALARMS[logical_id]["Period"] == 60:  # it sees the last minutes only
            until(functools.partial(alarm_messages.have_all, [name(cloud, logical_id)]), cloud, 60)
    until(functools.partial(alarm_messages.have_all, names), cloud, 300)
    received = alarm_messages.received()
    alarm_messages.end()
    s3.put_object(**place, Body=card)
    client("sqs", cloud.url).purge_queue(QueueUrl=missed_clean_ups(cloud))
    yield received
    until(lambda: not alarming(cloud, names), cloud, 600)  # a release would be rolled back


def alarming(cloud: Cloud, names: list[str]) -> list[str]:
    """Return those of these alarms that are in ALARM."""
    described = client("cloudwatch", cloud.url).describe_alarms(AlarmNames=names)["MetricAlarms"]
    return [each["AlarmName"] for each in described if each["StateValue"] == "ALARM"]


def until(condition: Callable[[], bool], cloud: Cloud | None = None, skip_s: float = 0) -> None:
    """Wait for a condition, skipping the clock again and again."""
    end = time.monotonic() + 180
    while not condition():
        assert time.monotonic() < end
        if cloud:
            cloud.clock.skip(skip_s)
            time.sleep(1.0)  # in which alarms are evaluated and logs copied
        time.sleep(0.1)


def test_each_alarm_of_the_template_has_a_cause() -> None:
    assert CAUSES.keys() == ALARMS.keys()


@pytest.mark.slow
@pytest.mark.parametrize("logical_id", ALARMS)
def test_an_alarm_goes_off_by_its_cause_and_names_its_section_of_the_runbook(
    cloud: Cloud, messages: dict[str, dict[str, Any]], logical_id: str
) -> None:
    message = messages[name(cloud, logical_id)]
    assert message["NewStateValue"] == "ALARM"
    assert f"{logical_id} in docs/runbook.md" in message["AlarmDescription"]
