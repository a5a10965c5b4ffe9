"""Asynchronous invocations: accepted, retried on the clock, sent on."""

import asyncio
import json
from typing import Any

from kennel.cloud.awslambda.async_invoke import AsynchronousInvocations
from kennel.cloud.awslambda.emulator import Outcome
from kennel.cloud.awslambda.environments import Throttled
from kennel.cloud.awslambda.event_invoke import InvokeConfig
from kennel.cloud.runtime.clock import Clock

Record = tuple[str, Any]


class Scripted:
    """Functions that answer by script: an Outcome, or a throttle."""

    def __init__(self, *script: Outcome | None) -> None:
        self.script = list(script)
        self.payloads: list[bytes] = []

    def name_of(self, function: str) -> str:
        return function.rpartition(":")[2]

    async def invoke(self, function: str, payload: bytes) -> Outcome:
        self.payloads.append(payload)
        outcome = self.script.pop(0)
        if outcome is None:
            raise Throttled(function)
        return outcome


GOOD = Outcome(b'{"fine": true}', failed=False)
BAD = Outcome(b'{"errorType": "ValueError", "errorMessage": "no"}', failed=True)


def run(functions: Scripted, config: InvokeConfig | None = None) -> tuple[list[Record], float]:
    """Send one event; return what destinations got, and the offline seconds until then."""
    records: list[Record] = []

    async def whole() -> float:
        clock = Clock(speed=20000)

        async def deliver(arn: str, record: dict[str, Any]) -> None:
            records.append((arn, record))

        queue = AsynchronousInvocations(
            functions,  # type: ignore[arg-type]
            lambda name: config or InvokeConfig(),
            clock,
            lambda send: deliver,
        )
        started = clock.now()
        queue.send("arn:aws:lambda:us-east-1:123456789012:function:invoked", b'{"n": 1}')
        async with asyncio.timeout(60):
            while not records if config else functions.script:
                await asyncio.sleep(0.005)
        await asyncio.sleep(0.01)
        took = clock.now() - started
        await queue.stop()
        return took

    took = asyncio.run(whole())
    return records, took


def test_a_failing_function_is_tried_three_times_a_minute_and_two_apart() -> None:
    functions = Scripted(BAD, BAD, BAD)
    _, took = run(functions)
    assert functions.payloads == [b'{"n": 1}'] * 3
    assert took >= 180


def test_what_failed_goes_to_its_destination_with_the_reason() -> None:
    config = InvokeConfig(retries=0, on_failure="arn:topic")
    ((arn, record),), _ = run(Scripted(BAD), config)
    assert arn == "arn:topic"
    assert record["requestContext"]["condition"] == "RetriesExhausted"
    assert record["requestPayload"] == {"n": 1}
    assert record["responsePayload"] == json.loads(BAD.payload)


def test_an_event_that_failed_goes_to_the_dead_letters_as_it_was() -> None:
    config = InvokeConfig(retries=0, dead_letters="arn:queue")
    (sent,), _ = run(Scripted(BAD), config)
    assert sent == ("arn:queue", '{"n": 1}')


def test_a_throttle_is_tried_again_and_does_not_count_as_a_failure() -> None:
    config = InvokeConfig(retries=0, on_success="arn:topic")
    functions = Scripted(None, None, None, GOOD)
    ((_, record),), _ = run(functions, config)
    assert record["requestContext"]["condition"] == "Success"


def test_an_event_that_grows_too_old_is_dropped() -> None:
    config = InvokeConfig(age=60, on_failure="arn:topic")
    ((_, record),), _ = run(Scripted(*[None] * 6), config)
    assert record["requestContext"]["condition"] == "EventAgeExceeded"
    assert "responsePayload" not in record
