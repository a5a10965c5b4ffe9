"""Load generator: sends real requests to an API, as a process of its own (`python -m`).

Standard input is JSON: url, key, photo (a path), and either `times` (seconds from the start, one
request each, whatever became of those before) or `clients` and `seconds` (that many clients, each
sending its next request after its last response). The last line of standard output is JSON: a list
of responses, each [seconds from the start, status, seconds taken, Retry-After]; the status is 0 for
a broken connection.
"""

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp


class Response(NamedTuple):
    """A response: when its request was sent (seconds from the start), status, seconds taken."""

    sent_at: float
    status: int
    seconds: float
    retry_after: str = ""


class LoadGenerator:
    """Sends requests with one HTTP client and records their responses."""

    def __init__(self, client: aiohttp.ClientSession, url: str, key: str, body: bytes) -> None:
        self._client = client
        self._url, self._body = url, body
        self._headers = {"content-type": "image/jpeg", "x-api-key": key}
        self._started = time.perf_counter()
        self.responses: list[Response] = []

    async def send_at(self, times: list[float]) -> None:
        """Send a request at each of `times`, seconds from the start."""
        async with asyncio.TaskGroup() as group:
            for moment in times:
                await asyncio.sleep(max(self._started + moment - time.perf_counter(), 0))
                group.create_task(self._send())

    async def send_in_turn(self, clients: int, seconds: float) -> None:
        """Send requests from `clients` clients, one after the other, for `seconds`."""

        async def client() -> None:
            while time.perf_counter() - self._started < seconds:
                await self._send()

        await asyncio.gather(*(client() for _ in range(clients)))

    async def _send(self) -> None:
        sent = time.perf_counter()
        try:
            async with self._client.post(self._url, data=self._body, headers=self._headers) as got:
                await got.read()
                status, retry_after = got.status, got.headers.get("retry-after", "")
        except (aiohttp.ClientError, TimeoutError):
            status, retry_after = 0, ""
        taken = time.perf_counter() - sent
        self.responses.append(Response(sent - self._started, status, taken, retry_after))


async def _main(order: dict[str, Any]) -> list[Response]:
    body = Path(order["photo"]).read_bytes()
    # aiohttp, because the generator takes CPU time from what it measures, on the same cores: httpx
    # needs four times as much, and more with each idle connection.
    # The gateway closes a connection that is idle for 5 s: a request on it then would break.
    connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=2.0)
    timeout = aiohttp.ClientTimeout(total=40)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as client:
        generator = LoadGenerator(client, order["url"], order["key"], body)
        if "times" in order:
            await generator.send_at(order["times"])
        else:
            await generator.send_in_turn(order["clients"], order["seconds"])
    return generator.responses


if __name__ == "__main__":
    print(json.dumps(asyncio.run(_main(json.load(sys.stdin)))))
