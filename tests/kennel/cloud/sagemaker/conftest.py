"""The stand-in's jobs and registry without the rest of the cloud: moto behind, boto3 in front."""

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from kennel.cloud.cloudformation.stack import client
from kennel.cloud.iam.identity import OPERATOR_KEY
from kennel.cloud.runtime.clock import Clock
from kennel.cloud.runtime.faults import Faults
from kennel.cloud.runtime.processes import listen
from kennel.cloud.runtime.store import Store
from kennel.cloud.sagemaker.account import Account
from kennel.cloud.sagemaker.endpoints.models import Models
from kennel.cloud.sagemaker.jobs.training.run import Place
from kennel.cloud.sagemaker.parts import job_parts
from kennel.cloud.sagemaker.protocol import SageMaker
from tests.kennel.cloud.sagemaker.endpoints.serving_tools import tiny_images

ROLE = "arn:aws:iam::123456789012:role/job"
BUCKET = "jobs"
WAIT_SECONDS = 600.0  # a training imports PyTorch, on a machine that may be busy


class NoEndpoints:
    """Jobs only."""

    async def invoke(self, name: str, body: bytes, headers: Any) -> Any:
        raise AssertionError("no endpoint is invoked here")


@dataclass
class Service:
    """A running stand-in: boto3 clients for it and for what is behind it."""

    sagemaker: Any
    s3: Any
    logs: Any
    clock: Clock
    faults: Faults
    store: Store
    notices: list[tuple[str, dict[str, Any]]]

    def upload(self, key: str, body: bytes = b"") -> str:
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=body)
        return f"s3://{BUCKET}/{key}"

    def wait(
        self, describe: Callable[..., dict[str, Any]], until: Callable[[dict[str, Any]], bool]
    ) -> dict[str, Any]:
        """Ask until it is so."""
        end = time.monotonic() + WAIT_SECONDS
        while not until(described := describe()):
            assert time.monotonic() < end, f"still {described}"
            time.sleep(0.1)
        return described


@pytest.fixture(scope="session")
def moto_url(moto: str) -> str:
    """Address of a moto that is another process: one in this is emptied by others' resets."""
    return moto


@contextmanager
def serving(moto_url: str, folder: Path, file: Path | None = None) -> Iterator[Service]:
    """Run the stand-in in a thread while the block runs."""
    sock = listen("127.0.0.1", 0)
    url = f"http://127.0.0.1:{sock.getsockname()[1]}"
    clock, faults = Clock(), Faults()
    made: list[Store] = []
    notices: list[tuple[str, dict[str, Any]]] = []

    def tell(kind: str, source: str, detail: dict[str, Any], resources: list[str]) -> None:
        notices.append((kind, json.loads(json.dumps(detail))))

    @asynccontextmanager
    async def running() -> AsyncIterator[SageMaker]:
        store = Store(file)
        made.append(store)
        account = Account(moto_url, {ROLE: OPERATOR_KEY})
        place = Place(account, clock, folder / "logs")
        parts = [*job_parts(store, place, faults, tell, tiny_images), Models(store, clock)]
        sagemaker = SageMaker(parts, NoEndpoints(), store, faults)
        yield sagemaker
        await sagemaker.stop()

    async def main(server: uvicorn.Server) -> None:
        async with running() as sagemaker:
            app.sagemaker = sagemaker
            await server.serve(sockets=[sock])

    class App:
        sagemaker: SageMaker

        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            response = await self.sagemaker.answer(Request(scope, receive))
            await response(scope, receive, send)

    app = App()
    config = uvicorn.Config(app, log_level="error", access_log=False, lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: asyncio.run(main(server)))
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.01)
        sagemaker = client("sagemaker", url)
        s3, logs = client("s3", moto_url), client("logs", moto_url)
        yield Service(sagemaker, s3, logs, clock, faults, made[0], notices)
    finally:
        server.should_exit = True
        thread.join()
        made[0].close()
        sock.close()


@pytest.fixture(scope="session")
def service(moto_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    client("s3", moto_url).create_bucket(Bucket=BUCKET)
    with serving(moto_url, tmp_path_factory.mktemp("service")) as running:
        yield running
