"""Send real requests to an API at given times: a process of its own, `python -m` this module.

Standard input is JSON: url, key, photo (a path), and either `times` (seconds from the start, one
request each, sent whatever became of those before) or `clients` and `seconds` (so many clients,
each sending its next request when it has its answer). The last line printed is JSON: a list of
[seconds from the start, status, seconds taken]; status 0 is a connection that broke.
"""

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any

import httpx

Seen = list[tuple[float, int, float]]


async def _post(http: httpx.AsyncClient, ask: dict[str, Any], begun: float, seen: Seen) -> int:
    at = time.perf_counter()
    headers = {"content-type": "image/jpeg", "x-api-key": ask["key"]}
    try:
        answer = await http.post(ask["url"], content=ask["body"], headers=headers)
        status = answer.status_code
    except httpx.TransportError:
        status = 0
    seen.append((at - begun, status, time.perf_counter() - at))
    return status


async def _at_times(http: httpx.AsyncClient, ask: dict[str, Any], begun: float, seen: Seen) -> None:
    async with asyncio.TaskGroup() as group:
        for moment in ask["times"]:
            await asyncio.sleep(max(begun + moment - time.perf_counter(), 0))
            group.create_task(_post(http, ask, begun, seen))


async def _in_turn(http: httpx.AsyncClient, ask: dict[str, Any], begun: float, seen: Seen) -> None:
    async def client() -> None:
        while time.perf_counter() - begun < ask["seconds"]:
            await _post(http, ask, begun, seen)

    await asyncio.gather(*(client() for _ in range(ask["clients"])))


async def _main(ask: dict[str, Any]) -> Seen:
    seen: Seen = []
    ask["body"] = Path(ask["photo"]).read_bytes()
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=100)
    async with httpx.AsyncClient(timeout=40, trust_env=False, limits=limits) as http:
        await (_at_times if "times" in ask else _in_turn)(http, ask, time.perf_counter(), seen)
    return seen


if __name__ == "__main__":
    print(json.dumps(asyncio.run(_main(json.load(sys.stdin)))))
