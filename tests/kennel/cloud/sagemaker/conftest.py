"""Run the SageMaker emulator alone: its calls go to moto, and boto3 calls it."""

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import uvicorn
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from kennel.cloud.iam.identity import OPERATOR_KEY
from kennel.cloud.runtime.clients import client
from kennel.cloud.runtime.clock import Clock
from kennel.cloud.runtime.faults import Faults
from kennel.cloud.runtime.processes import listen
from kennel.cloud.runtime.store import Store
from kennel.cloud.sagemaker.account import Account
from kennel.cloud.sagemaker.assembly import build_sagemaker
from kennel.cloud.sagemaker.endpoints.api import Endpoints
from kennel.cloud.sagemaker.jobs.context import JobContext
from kennel.cloud.sagemaker.protocol import SageMaker
from tests.kennel.cloud.sagemaker.endpoints.serving_tools import no_fetch, resolve_tiny_image

if TYPE_CHECKING:
    from types_boto3_logs.client import CloudWatchLogsClient
    from types_boto3_s3.client import S3Client
    from types_boto3_sagemaker.client import SageMakerClient

ROLE = "arn:aws:iam::123456789012:role/job"
BUCKET = "jobs"
WAIT_SECONDS = 600.0  # a training imports PyTorch, on a machine that may be busy


@dataclass
class Service:
    """A running emulator: clients for it and for moto behind it."""

    sagemaker: "SageMakerClient"
    s3: "S3Client"
    logs: "CloudWatchLogsClient"
    clock: Clock
    faults: Faults
    store: Store
    events: list[tuple[str, dict[str, Any]]]

    def upload(self, key: str, body: bytes = b"") -> str:
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=body)
        return f"s3://{BUCKET}/{key}"

    def wait(
        self,
        describe: Callable[[], Mapping[str, object]],
        condition: Callable[[dict[str, Any]], bool],
    ) -> dict[str, Any]:
        """Poll until the description meets the condition."""
        end = time.monotonic() + WAIT_SECONDS
        while not condition(description := dict(describe())):
            assert time.monotonic() < end, f"still {description}"
            time.sleep(0.05)
        return description


@pytest.fixture(scope="session")
def moto_url(moto: str) -> str:
    """Address of a moto in another process, which no reset of another test empties."""
    return moto


@contextmanager
def serving(
    moto_url: str,
    folder: Path,
    file: Path | None = None,
    train_command: Sequence[str | Path] | None = None,
) -> Iterator[Service]:
    """Run the emulator in a thread while the block runs.

    Parameters
    ----------
    file
        The store's; None keeps it in memory.
    train_command
        Replaces AWS's training toolkit.
    """
    sock = listen("127.0.0.1", 0)
    url = f"http://127.0.0.1:{sock.getsockname()[1]}"
    clock, faults = Clock(), Faults()
    store = Store(file)
    events: list[tuple[str, dict[str, Any]]] = []

    def publish(kind: str, source: str, detail: dict[str, Any], resources: list[str]) -> None:
        events.append((kind, json.loads(json.dumps(detail))))

    @asynccontextmanager
    async def running() -> AsyncIterator[SageMaker]:
        account = Account(moto_url, {ROLE: OPERATOR_KEY}.get)
        context = JobContext(account, clock, folder / "logs")
        if train_command:
            context = replace(context, train_command=train_command)
        endpoints = Endpoints(
            store, no_fetch, folder, resolve_tiny_image, clock=clock, faults=faults
        )
        sagemaker = build_sagemaker(store, context, endpoints, faults, resolve_tiny_image, publish)
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
        yield Service(sagemaker, s3, logs, clock, faults, store, events)
    finally:
        server.should_exit = True
        thread.join()
        store.close()
        sock.close()


@pytest.fixture(scope="session")
def bucket(moto_url: str) -> str:
    client("s3", moto_url).create_bucket(Bucket=BUCKET)
    return BUCKET


@pytest.fixture(scope="session")
def service(
    moto_url: str, bucket: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    """Run the emulator with AWS's training toolkit."""
    with serving(moto_url, tmp_path_factory.mktemp("service")) as running:
        yield running


@pytest.fixture(scope="session")
def quick_service(
    moto_url: str, bucket: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    """Run the emulator with a training toolkit that starts in a tenth of a second."""
    toolkit = Path(__file__).parent / "jobs" / "tiny_toolkit.py"
    command: list[str | Path] = ["-S", toolkit]
    with serving(moto_url, tmp_path_factory.mktemp("quick"), train_command=command) as running:
        yield running
