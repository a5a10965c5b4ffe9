"""The load generator keeps its times and records every response."""

import asyncio

import httpx

from kennel.planner.replay.load_generator import LoadGenerator


def generator(handler: httpx.MockTransport) -> LoadGenerator:
    client = httpx.AsyncClient(transport=handler)
    return LoadGenerator(client, "http://api/classify", "key", b"photo")


def test_each_time_has_a_response_with_its_status() -> None:
    keys = []

    def answer(request: httpx.Request) -> httpx.Response:
        keys.append(request.headers["x-api-key"])
        if len(keys) > 1:
            return httpx.Response(429, headers={"Retry-After": "1"})
        return httpx.Response(200)

    async def run() -> LoadGenerator:
        load = generator(httpx.MockTransport(answer))
        await load.send_at([0.0, 0.05])
        return load

    first, second = asyncio.run(run()).responses
    assert (first.status, first.retry_after) == (200, "")
    assert (second.status, second.retry_after) == (429, "1")
    assert second.sent_at >= 0.05
    assert keys == ["key", "key"]


def test_a_broken_connection_has_status_0() -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    async def run() -> LoadGenerator:
        load = generator(httpx.MockTransport(refuse))
        await load.send_at([0.0])
        return load

    (response,) = asyncio.run(run()).responses
    assert response.status == 0
