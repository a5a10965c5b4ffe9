"""Publish the metrics of SQS queues: how many messages each holds, every minute.

moto has the queues and publishes no metrics of them. SQS sends them for queues that are in use;
here every queue's are sent. Those of single calls, such as NumberOfMessagesSent, are not.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
"""

import asyncio
import contextlib
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from kennel.cloud.cloudwatch.metrics import Metrics
from kennel.cloud.runtime.clock import Clock

PERIOD_SECONDS = 60
LEAST_REAL_SECONDS = 0.5  # between two readings of all queues, however fast the clock runs
MAX_MISSED = 60  # minutes that are published after a jump of the clock

#: Metric -> the attribute of a queue that it is.
_GAUGES = {
    "ApproximateNumberOfMessagesVisible": "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible": "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed": "ApproximateNumberOfMessagesDelayed",
}


class QueueMetrics:
    """Publishes the number of messages in each queue.

    Parameters
    ----------
    sqs
        A boto3 client of moto's SQS.
    """

    def __init__(self, sqs: Any, metrics: Metrics, clock: Clock) -> None:
        self._sqs = sqs
        self._metrics = metrics
        self._clock = clock

    async def run(self) -> None:
        """Publish each offline minute once it is over, until cancelled."""
        minute = self._minute()
        while True:
            await self._clock.sleep_until(minute + PERIOD_SECONDS)
            with contextlib.suppress(BotoCoreError):  # moto was too busy: read at the next minute
                minute = await self.publish(minute)
            await asyncio.sleep(LEAST_REAL_SECONDS)

    async def publish(self, minute: float) -> float:
        """Publish the minutes from this one (Unix seconds) to the present one; return that.

        A queue has held in all of them what it holds now.
        """
        held = await asyncio.to_thread(self._read)
        present = self._minute()
        first = max(minute, present - MAX_MISSED * PERIOD_SECONDS)
        for when in range(int(first), int(present), PERIOD_SECONDS):
            for (queue, metric), count in held.items():
                self._metrics.count("AWS/SQS", metric, {"QueueName": queue}, count, when=when)
        return present

    def _minute(self) -> float:
        return self._clock.now() // PERIOD_SECONDS * PERIOD_SECONDS

    def _read(self) -> dict[tuple[str, str], float]:
        """Return the value of each metric by queue and metric."""
        held = {}
        pages = self._sqs.get_paginator("list_queues").paginate()
        for url in (url for page in pages for url in page.get("QueueUrls", [])):
            with contextlib.suppress(ClientError):  # it was deleted meanwhile
                answer = self._sqs.get_queue_attributes(
                    QueueUrl=url, AttributeNames=list(_GAUGES.values())
                )
                for metric, attribute in _GAUGES.items():
                    value = answer["Attributes"][attribute]
                    held[url.rpartition("/")[2], metric] = float(value)
        return held
