"""The load generator keeps its times and records every response."""

import asyncio

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer

from kennel.cloud.runtime.processes import free_ports
from kennel.planner.replay.load_generator import LoadGenerator


def test_each_time_has_a_response_with_its_status() -> None:
    requests = []

    async def answer(request: web.Request) -> web.Response:
        requests.append((request.headers["x-api-key"], await request.read()))
        if len(requests) > 1:
            return web.Response(status=429, headers={"Retry-After": "1"})
        return web.Response()

    async def run() -> LoadGenerator:
        application = web.Application()
        application.router.add_post("/classify", answer)
        async with TestServer(application) as server, aiohttp.ClientSession() as client:
            load = LoadGenerator(client, str(server.make_url("/classify")), "key", b"photo")
            await load.send_at([0.0, 0.05])
            return load

    first, second = asyncio.run(run()).responses
    assert (first.status, first.retry_after) == (200, "")
    assert (second.status, second.retry_after) == (429, "1")
    assert second.sent_at >= 0.05
    assert requests == [("key", b"photo")] * 2


def test_a_broken_connection_has_status_0() -> None:
    async def run() -> LoadGenerator:
        async with aiohttp.ClientSession() as client:
            url = f"http://127.0.0.1:{free_ports(1)[0]}/classify"
            load = LoadGenerator(client, url, "key", b"photo")
            await load.send_at([0.0])
            return load

    (response,) = asyncio.run(run()).responses
    assert response.status == 0
