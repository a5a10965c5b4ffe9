"""When moto's process ends, the cloud ends with one sentence; when it is silent, health says so."""

import asyncio
import os
import signal
from pathlib import Path

import httpx
import pytest

from kennel.cloud.cloud import run_cloud
from kennel.cloud.config import CloudConfig
from kennel.cloud.moto_backend import server
from kennel.errors import CannotStart, KennelError
from tests.kennel.cloud.small_stack import small_stack
from tests.processes import processes_with


@pytest.fixture
def config(tmp_path: Path) -> CloudConfig:
    return small_stack(tmp_path, "killed", tmp_path / "state")


def moto_process() -> int:
    """Return the process of the only moto below this one that stores its state."""
    (pid,) = processes_with(b"moto.sqlite", below=os.getpid())
    return pid


def test_cloud_whose_moto_is_killed_ends_with_a_sentence(config: CloudConfig) -> None:
    expected = r"was killed by signal 9: `kennel up` starts again .*moto\.log has the log"
    with pytest.raises(KennelError, match=expected), run_cloud(config) as cloud:
        assert httpx.get(f"{cloud.url}/kennel/health").json()["ok"]
        os.kill(moto_process(), signal.SIGKILL)
        assert cloud.ended.wait(10)
        httpx.get(cloud.url)  # fails, and the sentence is raised in place of that


def test_moto_that_is_slow_to_start_is_a_sentence(tmp_path: Path) -> None:
    async def start() -> None:
        async with server.moto_server(None, tmp_path, start_seconds=0.01):
            raise AssertionError("it answered in 10 ms")

    with pytest.raises(CannotStart, match=r"within 0\.01 s of its start; .*moto\.log"):
        asyncio.run(start())


def test_watch_raises_when_moto_is_silent_or_unwell() -> None:
    async def watch(answer: httpx.Response | Exception) -> None:
        async def respond(request: httpx.Request) -> httpx.Response:
            assert "Credential=the-key/" in request.headers["authorization"]
            if isinstance(answer, Exception):
                raise answer
            return answer

        async with asyncio.timeout(0.2):
            await server.watch("http://moto", "the-key", httpx.MockTransport(respond))

    with pytest.raises(KennelError, match="did not answer within 8 s"):
        asyncio.run(watch(httpx.ReadTimeout("")))
    with pytest.raises(KennelError, match="not stored"):
        asyncio.run(watch(httpx.Response(503, text="not stored")))
    with pytest.raises(TimeoutError):
        asyncio.run(watch(httpx.Response(200)))
