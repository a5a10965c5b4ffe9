"""The number of messages in a queue is a metric, which alarms read."""

import asyncio

from kennel.cloud.cloudwatch.metrics import Metrics, Series
from kennel.cloud.cloudwatch.queue_metrics import QueueMetrics
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
