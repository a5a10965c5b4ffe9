"""The offline cloud as one object: start it, call it, and be sure that it ends."""

import asyncio
import contextlib
import functools
import json
import secrets
import shutil
import socket
import tempfile
import threading
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

import httpx
import uvicorn

from kennel.cloud.access import Access
from kennel.cloud.asynchronous import AsynchronousInvocations, read_configs
from kennel.cloud.build import build
from kennel.cloud.clock import Clock
from kennel.cloud.custom_resources import CustomResources
from kennel.cloud.deploy import Deployment, client
from kennel.cloud.events import Events
from kennel.cloud.faults import Faults
from kennel.cloud.functions import LambdaService, make_target, read_functions
from kennel.cloud.gateway import Gateway
from kennel.cloud.moto_server import MotoServer
from kennel.cloud.policy import read_role
from kennel.cloud.processes import free_ports, listen
from kennel.cloud.rest_api import RestApi
from kennel.cloud.sagemaker.account import Account, may_be_assumed
from kennel.cloud.sagemaker.endpoints import Endpoints
from kennel.cloud.sagemaker.parts import job_parts
from kennel.cloud.sagemaker.protocol import SageMaker
from kennel.cloud.sagemaker.serving import OFFLINE_IMAGE
from kennel.cloud.sagemaker.store import Store
from kennel.cloud.sagemaker.training_run import Place
from kennel.cloud.schedules import Schedules
from kennel.cloud.targets import Targets
from kennel.cloud.template import Stack, load
from kennel.paths import STATE, TEMPLATE

LOOPBACK = "127.0.0.1"

#: What differs from the template's defaults: no image to pull, and no minutes to wait.
#: Quotas are the account's, and there is none; an update is watched for a moment.
OFFLINE_PARAMETERS = {
    "ServingImage": OFFLINE_IMAGE,
    "PollSeconds": "1",
    "CheckQuotas": "no",
    "BakeSeconds": "2",
}

#: How long a custom resource may take to answer; CloudFormation's own hour is too long here.
CUSTOM_RESOURCE_SECONDS = 300.0


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
    template
        The SAM template to run.
    clock_speed
        Offline seconds in a real second, for what AWS measures in minutes.
    state
        Folder of what survives a restart; None forgets all of it at the end.
    faults
        Faults that wait from the start on.
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
    clock, faults
        To be moved and added to, by tests and by POST /kennel/clock and /kennel/faults.
    """

    parameters: Mapping[str, str] = field(default_factory=dict)
    host: str = LOOPBACK
    port: int = 0
    stack_name: str = "kennel"
    template: Path = TEMPLATE
    clock_speed: float = 1.0
    state: Path | None = None
    faults: Faults = field(default_factory=Faults)
    report: Callable[[str], None] = lambda line: None

    stack: Stack = field(init=False)
    url: str = field(init=False)
    api_url: str = field(init=False)
    api_key: str = field(init=False)
    logs: Path = field(init=False)
    clock: Clock = field(init=False)
    deployment: Deployment = field(init=False)

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

        self.clock = Clock(self.clock_speed)
        self.report("reading template.yaml")
        parameters = {**OFFLINE_PARAMETERS, **self.parameters}
        self.stack = load(self.template, parameters, self.stack_name)
        code = [
            make_target(each)
            for kind in ("AWS::Lambda::LayerVersion", "AWS::Lambda::Function")
            for each in self.stack.of_type(kind)
        ]
        self.report("building functions, their layer and the model package")
        moto = MotoServer(*free_ports(1))
        later.push_async_callback(moto.stop)
        built, _ = await asyncio.gather(asyncio.to_thread(build, code), moto.start(port, self.logs))
        behind = functools.cache(lambda service: client(service, moto.url))

        access = _access(self.stack)
        functions = LambdaService(read_functions(self.stack, built), self.url, self.logs)
        later.push_async_callback(functions.stop)
        queue = AsynchronousInvocations(
            functions,
            read_configs(self.stack),
            self.clock,
        )
        later.push_async_callback(queue.stop)
        targets = Targets(queue.send, behind)
        queue.deliver = targets.send
        events = Events(self.stack, targets, behind, self.clock)
        later.push_async_callback(events.stop)
        schedules = Schedules(self.stack, events, targets, behind, self.clock)
        custom = CustomResources(
            self.stack_name, self.url, self._teller(queue), CUSTOM_RESOURCE_SECONDS
        )

        store = later.enter_context(contextlib.closing(Store(self._kept("sagemaker.sqlite"))))
        endpoints = Endpoints(store, _fetcher(moto.url, run), self.logs)
        place = Place(_account(self.stack, self.url), self.clock, self.logs)
        jobs = job_parts(store, place, self.faults, events.publish)
        sagemaker = SageMaker(jobs, endpoints, access, store, self.faults)
        later.push_async_callback(sagemaker.stop)

        self.api_key = secrets.token_urlsafe(24)
        api = RestApi(self.stack, functions, self.api_key)
        self.api_url = f"{self.url}/{api.stage}"
        upstream = await later.enter_async_context(
            httpx.AsyncClient(base_url=moto.url, timeout=120, trust_env=False)
        )
        gateway = Gateway(
            api=api,
            functions=functions,
            queue=queue,
            sagemaker=sagemaker,
            access=access,
            moto=upstream,
            events=events,
            custom=custom,
            clock=self.clock,
            faults=self.faults,
            config_of=lambda name: (store.get("endpoint", name) or {}).get(
                "EndpointConfigName", name
            ),
        )
        await self._serve(gateway, sockets)

        self.report("creating the stack's resources")
        self.deployment = Deployment(self.stack, self.url, custom)
        await asyncio.to_thread(self.deployment.create)
        for work in (events.watch(), schedules.run()):
            self._run_until_the_end(work)

    def delete_stack(self, keep: bool = True) -> list[str]:
        """Delete the stack as CloudFormation does; return what the template says to keep.

        Parameters
        ----------
        keep
            False deletes what has a DeletionPolicy of Retain, too.

        Raises
        ------
        KennelError
            When something blocks its deletion, such as a bucket that is not empty.
        """
        return self.deployment.delete(keep)

    def _kept(self, name: str) -> Path | None:
        return self.state / name if self.state else None

    def _teller(self, queue: AsynchronousInvocations) -> Callable[[str, dict[str, Any]], None]:
        """Return what invokes a function asynchronously, from any thread."""

        async def send(arn: str, event: dict[str, Any]) -> None:
            queue.send(arn, json.dumps(event).encode())

        def tell(arn: str, event: dict[str, Any]) -> None:
            asyncio.run_coroutine_threadsafe(send(arn, event), self._loop).result()

        return tell

    def _run_until_the_end(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)

        async def end() -> None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

        self._stack_of_parts.push_async_callback(end)

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
    sessions = {
        by_arn[each.properties["Role"]]: each.name
        for each in stack.of_type("AWS::Lambda::Function")
    }
    return Access(roles, tuple(by_arn[each.properties["RoleArn"]] for each in machines), sessions)


def _account(stack: Stack, url: str) -> Account:
    """Return the account as SageMaker's jobs see it: only roles that trust the service."""
    roles = [each for each in stack.of_type("AWS::IAM::Role") if may_be_assumed(each.properties)]
    return Account(url, {role.arn: role.logical_id for role in roles})


def _fetcher(url: str, folder: Path):  # type: ignore[no-untyped-def]
    s3 = client("s3", url)

    async def fetch(uri: str) -> Path:
        parts = urlsplit(uri)
        file = folder / secrets.token_hex(8)
        await asyncio.to_thread(s3.download_file, parts.netloc, parts.path.lstrip("/"), str(file))
        return file

    return fetch
