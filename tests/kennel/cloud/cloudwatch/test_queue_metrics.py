"""The number of messages in a queue is a metric, which alarms read."""

import asyncio
import json
import time
from typing import Any

import httpx
import pytest

from kennel.cloud.cloud import Cloud
from kennel.cloud.cloudwatch.metrics import Metrics, Series
from kennel.cloud.cloudwatch.queue_metrics import QueueMetrics
from kennel.cloud.origins import TOKEN_HEADER
from kennel.cloud.runtime.clients import client
from kennel.cloud.runtime.clock import Clock

VISIBLE = "ApproximateNumberOfMessagesVisible"
IN_FLIGHT = "ApproximateNumberOfMessagesNotVisible"


def test_each_minute_has_what_a_queue_holds(account: str) -> None:
    sqs, clock = client("sqs", account), Clock(speed=0)
    metrics = Metrics(clock, None)
    queues = QueueMetrics(sqs, metrics, clock)
    full, empty = (sqs.create_queue(QueueName=name)["QueueUrl"] for name in ("full", "empty"))
    for number in range(3):
        sqs.send_message(QueueUrl=full, MessageBody=str(number))
    sqs.receive_message(QueueUrl=full, MaxNumberOfMessages=1)
    start = clock.now() // 60 * 60

    async def maxima(queue: str, metric: str, minutes: int) -> list[float | None]:
        series = Series.of("AWS/SQS", metric, {"QueueName": queue})
        return await metrics.points(series, "Maximum", 60, start, minutes)

    async def pass_minutes() -> None:
        clock.skip(60)
        minute = await queues.publish(start)
        assert await maxima("full", VISIBLE, 2) == [2, None]
        assert await maxima("full", IN_FLIGHT, 2) == [1, None]
        sqs.delete_queue(QueueUrl=full)
        clock.skip(180)
        await queues.publish(minute)
        assert await maxima("full", VISIBLE, 4) == [2, None, None, None]
        assert await maxima("empty", VISIBLE, 5) == [0, 0, 0, 0, None]

    asyncio.run(pass_minutes())
    sqs.delete_queue(QueueUrl=empty)


@pytest.mark.slow
def test_a_clean_up_that_cannot_be_started_alarms(bare_cloud: Cloud) -> None:
    """The rule's role loses its permission; the execution's event goes to the queue."""
    url, outputs = bare_cloud.url, bare_cloud.stack.outputs
    sqs, cloudwatch, iam = (client(each, url) for each in ("sqs", "cloudwatch", "iam"))
    resources = bare_cloud.stack.resources
    queue = sqs.get_queue_url(QueueName=resources["MissedCleanUps"].name)["QueueUrl"]
    alarm = resources["CleanUpMissedAlarm"].name
    policy = {"RoleName": resources["CleanUpRuleRole"].name, "PolicyName": "clean-up-rule"}
    document = iam.get_role_policy(**policy)["PolicyDocument"]
    iam.delete_role_policy(**policy)
    try:
        states = client("stepfunctions", url)
        given = {"stateMachineArn": outputs["StateMachineArn"], "input": '{"unknown": 1}'}
        states.start_execution(**given)
        until(lambda: messages(sqs, queue) == 1)

        def rung() -> bool:
            skip(bare_cloud, 300)
            (described,) = cloudwatch.describe_alarms(AlarmNames=[alarm])["MetricAlarms"]
            return bool(described["StateValue"] == "ALARM")

        until(rung)
        (message,) = sqs.receive_message(QueueUrl=queue)["Messages"]
        assert json.loads(message["Body"])["detail"]["status"] == "FAILED"
    finally:
        sqs.purge_queue(QueueUrl=queue)
        iam.put_role_policy(**policy, PolicyDocument=json.dumps(document))


def messages(sqs: Any, queue: str) -> int:
    name = "ApproximateNumberOfMessages"
    held = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=[name])
    return int(held["Attributes"][name])


def skip(cloud: Cloud, seconds: int) -> None:
    headers = {TOKEN_HEADER: cloud.control_token}
    body = {"skip": seconds}
    httpx.post(f"{cloud.url}/kennel/clock", json=body, headers=headers).raise_for_status()


def until(condition: Any) -> None:
    end = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.5)
