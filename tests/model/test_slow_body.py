"""The model server before a client that never ends its body."""

import asyncio
from typing import cast

import pytest
from starlette.requests import Request
from starlette.types import Message

from dogbreeds.serving.replicas import Replicas
from server import Endpoint


@pytest.mark.parametrize(("queue", "status"), [(1, 408), (0, 503)])
def test_a_slow_body_ends_and_leaves_its_place_in_the_queue(queue: int, status: int) -> None:
    class Ready:
        ready = True

    async def receive() -> Message:
        await asyncio.sleep(0.01)
        return {"type": "http.request", "body": b"x", "more_body": True}

    async def answers() -> list[int]:
        endpoint = Endpoint(cast("Replicas", Ready()), queue, body_seconds=0.1)
        scope = {"type": "http", "method": "POST", "path": "/", "headers": []}
        return [(await endpoint.invocations(Request(scope, receive))).status_code for _ in "12"]

    assert asyncio.run(answers()) == [status, status]
