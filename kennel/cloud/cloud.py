"""The offline cloud as one object: start it, call it, and be sure that it ends."""

import asyncio
import contextlib
import secrets
import shutil
import socket
import tempfile
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from urllib.parse import urlsplit

import httpx
import uvicorn

from kennel.cloud.access import Access
from kennel.cloud.build import build
from kennel.cloud.deploy import client, deploy
from kennel.cloud.functions import LambdaService, make_target, read_functions
from kennel.cloud.gateway import Gateway
from kennel.cloud.moto_server import MotoServer
from kennel.cloud.policy import read_role
from kennel.cloud.processes import free_ports, listen
from kennel.cloud.rest_api import RestApi
from kennel.cloud.sagemaker.endpoints import Endpoints
from kennel.cloud.sagemaker.listing import Listings
from kennel.cloud.sagemaker.protocol import SageMaker
from kennel.cloud.sagemaker.serving import OFFLINE_IMAGE
from kennel.cloud.sagemaker.store import Store
from kennel.cloud.template import Stack, load
from kennel.paths import STATE, TEMPLATE

LOOPBACK = "127.0.0.1"

#: What differs from the template's defaults: no image to pull, and no minutes to wait.
OFFLINE_PARAMETERS = {"ServingImage": OFFLINE_IMAGE, "PollSeconds": "1"}


@dataclass
class Cloud:
    """The stack of template.yaml on this machine; a context manager.

    Parameters
    ----------
    parameters
        Overrides of the template's parameters.
    host, port
        Where the gateway listens; port 0 is any free one. It listens on loopback in any case:
        moto's interpreter calls back there.
    stack_name
        As for `sam deploy`.
    report
        Called with a line for each step of the start.

    Attributes
    ----------
    url
        The AWS endpoint for any boto3 client.
    api_url
        The REST API with its stage, without a slash at the end.
    api_key
        The key for POST /classify.
    stack
        What the template came to.
    """

    parameters: Mapping[str, str] = field(default_factory=dict)
    host: str = LOOPBACK
    port: int = 0
    stack_name: str = "kennel"
    report: Callable[[str], None] = lambda line: None

    stack: Stack = field(init=False)
    url: str = field(init=False)
    api_url: str = field(init=False)
    api_key: str = field(init=False)
    logs: Path = field(init=False)

    def __post_init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="offline-cloud")
        self._stack_of_parts = contextlib.AsyncExitStack()

    def __enter__(self) -> "Cloud":
        """Start everything; on any failure, and on Ctrl-C, end what had started."""
        self._thread.start()
        try:
            started = asyncio.run_coroutine_threadsafe(self._start(), self._loop)
            try:
                started.result()
            except BaseException:
                started.cancel()
                raise
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End everything."""
        self._stop()

    async def _start(self) -> None:
        later = self._stack_of_parts
        sockets = [later.enter_context(contextlib.closing(listen(LOOPBACK, self.port)))]
        port = sockets[0].getsockname()[1]
        if self.host != LOOPBACK:
            sockets.append(later.enter_context(contextlib.closing(listen(self.host, port))))
        self.url = f"http://{LOOPBACK}:{port}"
        run = Path(later.enter_context(tempfile.TemporaryDirectory(prefix="kennel-run-")))
        self.logs = _fresh_folder(STATE / "run" / "logs")

        self.report("reading template.yaml")
        self.stack = load(TEMPLATE, {**OFFLINE_PARAMETERS, **self.parameters}, self.stack_name)
        code = [
            make_target(each)
            for kind in ("AWS::Lambda::LayerVersion", "AWS::Lambda::Function")
            for each in self.stack.of_type(kind)
        ]
        self.report(f"building {len(code) - 1} functions, their layer and the model package")
        moto = MotoServer(*free_ports(1))
        later.push_async_callback(moto.stop)
        built, _ = await asyncio.gather(asyncio.to_thread(build, code), moto.start(port, self.logs))
        self.report("creating buckets, roles and the state machine")
        await asyncio.to_thread(deploy, self.stack, moto.url)

        access = _access(self.stack)
        functions = LambdaService(read_functions(self.stack, built), self.url, self.logs)
        later.push_async_callback(functions.stop)
        store = later.enter_context(contextlib.closing(Store(None)))
        endpoints = Endpoints(store, _fetcher(moto.url, run), self.logs)
        sagemaker = SageMaker([Listings(store)], endpoints, access, store)
        later.push_async_callback(sagemaker.stop)
        self.api_key = secrets.token_urlsafe(24)
        api = RestApi(self.stack, functions, self.api_key)
        self.api_url = f"{self.url}/{api.stage}"
        upstream = await later.enter_async_context(
            httpx.AsyncClient(base_url=moto.url, timeout=120, trust_env=False)
        )
        gateway = Gateway(api, functions, sagemaker, access, upstream)
        await self._serve(gateway, sockets)

    async def _serve(self, gateway: Gateway, sockets: list[socket.socket]) -> None:
        config = uvicorn.Config(
            gateway,
            log_level="error",
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=2,
        )
        server = uvicorn.Server(config)
        serving = asyncio.ensure_future(server.serve(sockets=sockets))

        async def end() -> None:
            server.should_exit = True
            await serving

        self._stack_of_parts.push_async_callback(end)
        while not server.started:
            await asyncio.sleep(0.01)

    def _stop(self) -> None:
        try:
            ending = asyncio.run_coroutine_threadsafe(self._stack_of_parts.aclose(), self._loop)
            ending.result()
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()


def _fresh_folder(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def _access(stack: Stack) -> Access:
    declared = stack.of_type("AWS::IAM::Role")
    by_arn = {role.arn: role.logical_id for role in declared}
    roles = {role.logical_id: read_role(role.name, role.properties) for role in declared}
    machines = stack.of_type("AWS::StepFunctions::StateMachine")
    return Access(roles, tuple(by_arn[each.properties["RoleArn"]] for each in machines))


def _fetcher(url: str, folder: Path):  # type: ignore[no-untyped-def]
    s3 = client("s3", url)

    async def fetch(uri: str) -> Path:
        parts = urlsplit(uri)
        file = folder / secrets.token_hex(8)
        await asyncio.to_thread(s3.download_file, parts.netloc, parts.path.lstrip("/"), str(file))
        return file

    return fetch
