"""Run Lambda's API alone: boto3 calls it, and its code comes from moto's S3."""

import asyncio
import contextlib
import io
import json
import socket
import threading
import zipfile
from collections.abc import Container, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import uvicorn
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from kennel.cloud.awslambda.api import invoke
from kennel.cloud.awslambda.async_invoke import AsynchronousInvocations
from kennel.cloud.awslambda.event_invoke import invoke_config
from kennel.cloud.awslambda.event_sources import EventSources
from kennel.cloud.awslambda.functions import LambdaService
from kennel.cloud.awslambda.management import FunctionManagement
from kennel.cloud.awslambda.queue_poller import QueuePoller
from kennel.cloud.handlers import checked
from kennel.cloud.iam.identity import Identities
from kennel.cloud.iam.permissions import Authorizer
from kennel.cloud.iam.policy import read_role
from kennel.cloud.iam.requests import Signature, read_call, url_of
from kennel.cloud.runtime.clients import client
from kennel.cloud.runtime.clock import Clock
from kennel.cloud.runtime.errors import ServiceError, error_response
from kennel.cloud.runtime.processes import listen
from kennel.cloud.runtime.store import Store


def _policy(action: str) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Action": action, "Resource": "*"}
    return {"Policies": [{"PolicyDocument": {"Statement": [statement]}}]}


ROLE = "arn:aws:iam::123456789012:role/runs"  # Lambda may assume it
POLLS = read_role("polls", _policy("sqs:*"))
OTHER = read_role("other", _policy("sqs:ReceiveMessage"))
CODE = "import os\ndef handler(event, context):\n    return {'got': event, 'at': __file__}\n"


def zipped(files: Mapping[str, str]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, text in files.items():
            archive.writestr(zipfile.ZipInfo(name), text)  # always of the same date
    return packed.getvalue()


def basic(name: str, **members: Any) -> dict[str, Any]:
    """Return the parameters of CreateFunction for a function that answers with its event."""
    return {
        "FunctionName": name,
        "Runtime": "python3.11",
        "Handler": "app.handler",
        "Role": ROLE,
        "Code": {"ZipFile": zipped({"app.py": CODE})},
        "Timeout": 30,
        **members,
    }


@dataclass
class Account:
    """Lambda, running, with the records that destinations got."""

    functions: Any
    s3: Any
    store: Store
    delivered: list[tuple[str, Any]]

    def answer(self, name: str, event: Any = None) -> Any:
        """Invoke a function; return its answer."""
        answer = self.functions.invoke(FunctionName=name, Payload=json.dumps(event))
        return json.loads(answer["Payload"].read())


class App:
    """An ASGI application over Lambda's API, with what works beside it."""

    def __init__(
        self,
        moto_url: str,
        folder: Path,
        store: Store,
        local_code: Mapping[str, Path],
        roles: Container[str],
    ) -> None:
        self._roles = roles
        self.delivered: list[tuple[str, Any]] = []
        clock, sqs = Clock(speed=20000), client("sqs", moto_url)
        authorizer = Authorizer(Identities({"polls-session": POLLS, "other-session": OTHER}))
        self._service = LambdaService(moto_url, folder / "logs", clock=clock)
        self._queue = AsynchronousInvocations(
            self._service, partial(invoke_config, store), clock, lambda send: self._deliver
        )
        self._management = FunctionManagement(
            self._service,
            store,
            start_session=self._start_session,
            s3=client("s3", moto_url),
            local_code=local_code.__getitem__,
            code_folder=folder / "code",
            event_sources=EventSources(self._service, store, sqs, authorizer),
        )
        self._poller = QueuePoller(self._service, store, sqs, authorizer, clock)

    async def run(self, server: uvicorn.Server, sock: socket.socket) -> None:
        """Serve until the server's `should_exit` is set."""
        await self._management.restore()
        polling = asyncio.ensure_future(self._poller.run())
        await server.serve(sockets=[sock])
        polling.cancel()
        await asyncio.gather(polling, return_exceptions=True)
        await self._queue.stop()
        await self._service.stop()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        signature = Signature.read(request.headers)
        assert signature
        body = await request.body()
        call = read_call(signature, request.method, url_of(request), request.headers, body)
        try:
            if call.operation == "Invoke":
                response = await invoke(request, call, self._service, self._queue)
            else:
                response = await checked(self._management)(request, call)
        except ServiceError as error:
            response = error_response("lambda", error)
        await response(scope, receive, send)

    def _start_session(self, role: str, name: str) -> str | None:
        return f"{name.split('-', maxsplit=1)[0]}-session" if role in self._roles else None

    async def _deliver(self, arn: str, record: Any) -> None:
        self.delivered.append((arn, record))


@contextmanager
def serving(
    moto_url: str,
    folder: Path,
    local_code: Mapping[str, Path] | None = None,
    roles: Container[str] = (ROLE,),
) -> Iterator[Account]:
    """Run Lambda in a thread while the block runs; a folder's state survives it."""
    store = Store(folder / "store.sqlite")
    with contextlib.closing(store), contextlib.closing(listen("127.0.0.1", 0)) as sock:
        started: Future[tuple[App, uvicorn.Server]] = Future()

        async def main() -> None:
            app = App(moto_url, folder, store, local_code or {}, roles)
            config = uvicorn.Config(app, log_level="error", access_log=False, lifespan="off")
            server = uvicorn.Server(config)
            started.set_result((app, server))
            await app.run(server, sock)

        thread = threading.Thread(target=lambda: asyncio.run(main()))
        thread.start()
        app, server = started.result(timeout=30)
        try:
            functions = client("lambda", f"http://127.0.0.1:{sock.getsockname()[1]}")
            yield Account(functions, client("s3", moto_url), store, app.delivered)
        finally:
            server.should_exit = True
            thread.join()
