"""Asynchronous invocations: queued, tried up to three times, then recorded at a destination.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html: after a function
error Lambda waits a minute, then two; a throttle is tried again for up to six hours. Waits pass
on the offline clock.
"""

import asyncio
import json
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

from kennel.cloud.awslambda.emulator import Outcome
from kennel.cloud.awslambda.environments import Throttled
from kennel.cloud.awslambda.event_invoke import InvokeConfig
from kennel.cloud.awslambda.functions import LambdaService, NoSuchFunction
from kennel.cloud.cloudformation.names import ACCOUNT, REGION
from kennel.cloud.runtime.clock import Clock

_WAITS = (60.0, 120.0)
_THROTTLE_WAITS = (1.0, 300.0)  # first and longest; doubled in between

_QUEUE_SECONDS = 30.0  # for the loop to queue an event, which takes it a moment

Json = dict[str, Any]
#: Sends a document, such as the record of an invocation, to an ARN: (ARN, document).
Deliver = Callable[[str, Any], Awaitable[object]]
#: Invokes a function asynchronously: (name or ARN, JSON text) -> the request's id.
Send = Callable[[str, bytes], str]


class AsynchronousInvocations:
    """The queue in front of every function.

    Parameters
    ----------
    functions
        The functions to invoke.
    config_of
        Returns how a function's invocations are tried, by its name.
    destinations
        Makes what sends to destinations from what invokes a function: a destination may be one.
    """

    def __init__(
        self,
        functions: LambdaService,
        config_of: Callable[[str], InvokeConfig],
        clock: Clock,
        destinations: Callable[[Send], Deliver],
    ) -> None:
        self._deliver = destinations(self.send)
        self._functions = functions
        self._config_of = config_of
        self._clock = clock
        self._tasks: set[asyncio.Task[None]] = set()

    def send(self, function: str, payload: bytes) -> str:
        """Accept an event for `function` (a name or an ARN); return the request's id."""
        name = self._functions.name_of(function)
        request_id = str(uuid.uuid4())
        task = asyncio.ensure_future(self._work(name, payload, request_id))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return request_id

    async def stop(self) -> None:
        """Cancel the queued events."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _work(self, name: str, payload: bytes, request_id: str) -> None:
        config = self._config_of(name)
        started, failures, pause = self._clock.now(), 0, _THROTTLE_WAITS[0]
        while True:
            try:
                outcome = await self._functions.invoke(name, payload)
            except NoSuchFunction:  # it was deleted, and its events with it
                return None
            except Throttled:
                if self._clock.now() - started + pause > config.age:
                    return await self._report(name, payload, request_id, "EventAgeExceeded", None)
                await self._clock.sleep(pause)
                pause = min(2 * pause, _THROTTLE_WAITS[1])
                continue
            if not outcome.failed:
                return await self._report(name, payload, request_id, "Success", outcome)
            if failures >= config.retries:
                return await self._report(name, payload, request_id, "RetriesExhausted", outcome)
            await self._clock.sleep(_WAITS[failures])
            failures += 1

    async def _report(
        self, name: str, payload: bytes, request_id: str, condition: str, outcome: Outcome | None
    ) -> None:
        """Send a record to the destination, and a failed event to the dead letters, if any."""
        config = self._config_of(name)
        if condition != "Success" and config.dead_letters:
            await self._deliver(config.dead_letters, payload.decode())
        destination = config.on_success if condition == "Success" else config.on_failure
        if not destination:
            return
        record: Json = {
            "version": "1.0",
            "requestContext": {
                "requestId": request_id,
                "functionArn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}:$LATEST",
                "condition": condition,
            },
            "requestPayload": json.loads(payload),
        }
        if outcome:
            record["responsePayload"] = json.loads(outcome.payload)
        await self._deliver(destination, record)


def invoke_from_threads(queue: AsynchronousInvocations) -> Callable[[str, Json], None]:
    """Return a function that invokes a Lambda function asynchronously, from any thread."""
    loop = asyncio.get_running_loop()

    async def send(arn: str, event: Json) -> None:
        queue.send(arn, json.dumps(event).encode())

    def invoke(arn: str, event: Json) -> None:
        # Bounded: a loop that ends meanwhile never runs it, and the process could not exit.
        asyncio.run_coroutine_threadsafe(send(arn, event), loop).result(_QUEUE_SECONDS)

    return invoke
