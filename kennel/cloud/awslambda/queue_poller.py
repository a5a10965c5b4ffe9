"""Invoke functions with the messages of SQS queues, as their event source mappings say.

https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html: what a function has not worked off
stays in the queue, and is visible again after the queue's visibility time-out.
"""

import asyncio
import base64
import json
import logging
from typing import Any

from botocore.exceptions import ClientError

from kennel.cloud.awslambda.environments import Throttled
from kennel.cloud.awslambda.event_sources import ACTIONS, KIND, queue_url
from kennel.cloud.awslambda.functions import LambdaService, NoSuchFunction, RequestTooLarge
from kennel.cloud.cloudformation.names import REGION
from kennel.cloud.iam.identity import UnknownCaller
from kennel.cloud.iam.permissions import AccessDenied, Authorizer
from kennel.cloud.iam.policy import RequiredPermission
from kennel.cloud.runtime.clock import Clock
from kennel.cloud.runtime.store import Store

Json = dict[str, Any]
_SECONDS = 0.5  # real, between two looks at queues
_RECEIVED = 10  # the most messages that SQS gives at a time
_CONCURRENT = 5  # batches of a standard queue at once; Lambda, too, starts with five

_log = logging.getLogger(__name__)


class QueuePoller:
    """Receives messages from SQS queues and invokes the functions mapped to them.

    Parameters
    ----------
    sqs
        A boto3 client of moto's SQS; the functions' roles are checked before it is used.
    """

    def __init__(
        self,
        functions: LambdaService,
        store: Store,
        sqs: Any,
        authorizer: Authorizer,
        clock: Clock,
    ) -> None:
        self._functions = functions
        self._store = store
        self._sqs = sqs
        self._authorizer = authorizer
        self._clock = clock
        self._polls: dict[str, asyncio.Task[None]] = {}  # by mapping
        self._batches: dict[str, set[asyncio.Task[None]]] = {}  # under way, by mapping
        self._problems: dict[str, str] = {}  # the last one, by mapping

    async def run(self) -> None:
        """Poll until cancelled."""
        try:
            while True:
                for mapping in self._store.all(KIND):
                    poll = self._polls.get(mapping["UUID"])
                    if poll and poll.done():
                        poll.result()  # raises what nobody expects
                    if mapping.get("Enabled", True) and (poll is None or poll.done()):
                        self._polls[mapping["UUID"]] = asyncio.ensure_future(self._poll(mapping))
                await asyncio.sleep(_SECONDS)
        finally:
            batches = [each for tasks in self._batches.values() for each in tasks]
            for task in (*self._polls.values(), *batches):
                task.cancel()

    async def _poll(self, mapping: Json) -> None:
        """Begin batches until the queue is empty, or as many run as may."""
        running = self._batches.setdefault(mapping["UUID"], set())
        while len(running) < _most_batches(mapping):
            try:
                messages = await self._receive(mapping)
            except (ClientError, AccessDenied, UnknownCaller) as error:
                self._report(mapping, error)
                return
            if not messages:
                return
            task = asyncio.ensure_future(self._work(mapping, messages))
            running.add(task)
            task.add_done_callback(running.discard)

    def _report(self, mapping: Json, error: Exception) -> None:
        """Log a problem once, however often the queue is polled."""
        if self._problems.get(mapping["UUID"]) != str(error):
            self._problems[mapping["UUID"]] = str(error)
            _log.warning("%s cannot be polled: %r", mapping["EventSourceArn"], error)

    async def _receive(self, mapping: Json) -> list[Json]:
        """Return a batch: as many messages as it takes, or as come within its window."""
        if mapping["FunctionName"] not in self._functions.configs:
            return []
        await self._authorizer.refresh()
        function = await self._functions.current(mapping["FunctionName"])
        for action in ACTIONS:
            permission = RequiredPermission(f"sqs:{action}", mapping["EventSourceArn"])
            self._authorizer.check(function.role, permission)
        messages: list[Json] = []
        window = mapping.get("MaximumBatchingWindowInSeconds", 0)
        size = mapping.get("BatchSize", _RECEIVED)
        end: float | None = None
        while len(messages) < size:
            answer: Any = await asyncio.to_thread(
                self._sqs.receive_message,
                QueueUrl=queue_url(mapping["EventSourceArn"]),
                MaxNumberOfMessages=min(_RECEIVED, size - len(messages)),
                MessageSystemAttributeNames=["All"],
                MessageAttributeNames=["All"],
            )
            received = answer.get("Messages", [])
            messages += received
            if not messages:
                break
            end = self._clock.now() + window if end is None else end
            if not received:
                if self._clock.now() >= end:
                    break
                await asyncio.sleep(_SECONDS / 10)
        return messages

    async def _work(self, mapping: Json, messages: list[Json]) -> None:
        """Invoke the function with a batch, and delete from the queue what it has worked off."""
        source, name = mapping["EventSourceArn"], mapping["FunctionName"]
        event = {"Records": [_record(each, source) for each in messages]}
        try:
            outcome = await self._functions.invoke(name, json.dumps(event).encode())
        except (NoSuchFunction, Throttled, RequestTooLarge) as error:
            _log.info("a batch of %s waits in its queue: %r", source, error)
            return
        if outcome.failed:
            return
        ids = {each["MessageId"] for each in messages}
        if "ReportBatchItemFailures" in mapping.get("FunctionResponseTypes", []):
            ids -= failed_items(outcome.payload, ids)
        done = [each["ReceiptHandle"] for each in messages if each["MessageId"] in ids]
        try:
            for handle in done:
                await asyncio.to_thread(
                    self._sqs.delete_message, QueueUrl=queue_url(source), ReceiptHandle=handle
                )
        except ClientError as error:  # the queue was deleted meanwhile
            self._report(mapping, error)


def failed_items(payload: bytes, ids: set[str]) -> set[str]:
    """Return the messages of a batch that have failed by a function's own report.

    All of them when the report cannot be understood:
    https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
    """
    try:
        report = json.loads(payload) or {}
        failed = {each["itemIdentifier"] for each in report.get("batchItemFailures") or []}
    except (ValueError, KeyError, TypeError, AttributeError):
        return ids
    return failed if failed <= ids else ids


def _most_batches(mapping: Json) -> int:
    if mapping["EventSourceArn"].endswith(".fifo"):
        return 1  # in order
    return int(mapping.get("ScalingConfig", {}).get("MaximumConcurrency", _CONCURRENT))


def _record(message: Json, source: str) -> Json:
    record = {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message.get("Attributes", {}),
        "messageAttributes": {
            name: _attribute(value) for name, value in message.get("MessageAttributes", {}).items()
        },
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": source,
        "awsRegion": REGION,
    }
    if digest := message.get("MD5OfMessageAttributes"):
        record["md5OfMessageAttributes"] = digest
    return record


def _attribute(value: Json) -> Json:
    members = {"StringValue": "stringValue", "BinaryValue": "binaryValue"}
    return {
        **{
            name: base64.b64encode(value[key]).decode() if key == "BinaryValue" else value[key]
            for key, name in members.items()
            if key in value
        },
        "stringListValues": [],
        "binaryListValues": [],
        "dataType": value["DataType"],
    }
