"""Start and stop an offline cloud: AWS services emulated by processes of this machine.

>>> with run_cloud(CloudConfig(template=Path("template.yaml"))) as cloud:
...     boto3.client("s3", endpoint_url=cloud.url)
"""

import asyncio
import contextlib
import json
import secrets
import socket
import tempfile
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path

import uvicorn

from kennel.cloud.awslambda.build import build, read_sources
from kennel.cloud.cloudformation.parameters import parameter_values
from kennel.cloud.cloudformation.stacks import StackRequest
from kennel.cloud.cloudformation.template import Stack, read_file
from kennel.cloud.config import LOOPBACK, CloudConfig
from kennel.cloud.draining import Draining
from kennel.cloud.moto_backend.server import moto_server
from kennel.cloud.runtime.clock import Clock
from kennel.cloud.runtime.faults import Faults
from kennel.cloud.runtime.processes import listen
from kennel.cloud.runtime.run_folder import run_folder
from kennel.cloud.runtime.store import Store
from kennel.cloud.services import Services, Site, open_services
from kennel.cloud.state import open_state
from kennel.paths import STATE


@dataclass(frozen=True)
class Cloud:
    """AWS on this machine, with the stack of a template if one was given.

    Attributes
    ----------
    url
        The AWS endpoint for any boto3 client.
    api_url
        The first API with its stage, without a slash at the end.
    api_key
        The first key for methods that need one; "" where there is none.
    control_token
        What requests to paths under /kennel/ carry in the header x-kennel-token.
    stack
        The template's resources and outputs; without any in an empty cloud.
    services
        What answers the calls.
    logs
        Folder of the logs of this cloud's processes; no other cloud writes there.
    built
        Folder of each function's and layer's build, by logical id.
    clock, faults
        To be moved and added to, by tests and by POST /kennel/clock and /kennel/faults.
    failed
        Set with the reason when the cloud cannot go on; it then ends.
    ended
        Set when it begins to end.
    """

    url: str
    api_url: str
    api_key: str
    control_token: str
    stack: Stack
    services: Services
    logs: Path
    built: dict[str, Path]
    clock: Clock
    faults: Faults
    failed: "asyncio.Future[None]"
    ended: threading.Event = field(default_factory=threading.Event)

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
        return self.services.delete_stack(self.stack.name, keep)


@contextlib.contextmanager
def run_cloud(config: CloudConfig) -> Iterator[Cloud]:
    """Run an offline cloud while the block runs, in a thread with an event loop of its own.

    Raises
    ------
    CannotStart
        With the reason. What had started by then, or by Ctrl-C, has ended.
    KennelError
        After the block, when the cloud ended before it (`Cloud.ended`); with the reason.
    """
    loop = asyncio.new_event_loop()
    started: Future[Cloud] = Future()
    ended = loop.create_future()

    async def serve_until_ended() -> None:
        try:
            async with serve(config) as cloud:
                started.set_result(cloud)
                try:
                    await asyncio.wait({ended, cloud.failed}, return_when=asyncio.FIRST_COMPLETED)
                    for each in (cloud.failed, ended):
                        if each.done():
                            each.result()
                finally:
                    cloud.ended.set()
        except BaseException as error:
            if started.done():
                raise
            started.set_exception(error)

    task = loop.create_task(serve_until_ended())
    thread = threading.Thread(
        target=lambda: loop.run_until_complete(asyncio.wait({task})), name="offline-cloud"
    )
    thread.start()
    error: Exception | None = None
    try:
        try:
            cloud = started.result()
        except BaseException:
            loop.call_soon_threadsafe(task.cancel)
            raise
        yield cloud
    except Exception as raised:
        error = raised  # of the block: the cloud keeps its logs then
        if started.exception() is None and cloud.failed.done():
            cloud.failed.result()  # raises what is the cause
        raise
    finally:
        loop.call_soon_threadsafe(_end, ended, error)
        thread.join()
        if error:
            task.exception()  # else asyncio prints it with a traceback: it is raised here already
        loop.close()
    task.result()  # raises what went wrong while it ended


def _end(ended: "asyncio.Future[None]", error: Exception | None) -> None:
    if error:
        ended.set_exception(error)
        ended.exception()  # else asyncio reports it, too, when the cloud has ended before
    else:
        ended.set_result(None)


@contextlib.asynccontextmanager
async def serve(config: CloudConfig) -> AsyncIterator[Cloud]:
    """Run an offline cloud while the block runs, in this event loop."""
    async with contextlib.AsyncExitStack() as exits:
        sockets = [exits.enter_context(contextlib.closing(listen(LOOPBACK, config.port)))]
        port = sockets[0].getsockname()[1]
        if config.host != LOOPBACK:
            sockets.append(exits.enter_context(contextlib.closing(listen(config.host, port))))
        state = exits.enter_context(open_state(config.state, config.fresh))
        store = exits.enter_context(contextlib.closing(Store(state.services)))
        scratch = exits.enter_context(tempfile.TemporaryDirectory(prefix="kennel-run-"))
        logs = exits.enter_context(run_folder(STATE / "run", config.keep_logs)) / "logs"
        logs.mkdir()

        request = _read(config)
        config.report("building functions and layers")
        in_use = exits.enter_context(contextlib.ExitStack())
        building = asyncio.ensure_future(asyncio.to_thread(_build, config, in_use))
        exits.callback(building.cancel)
        failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        moto_key = secrets.token_urlsafe(24)
        moto = moto_server(port, logs, moto_key, state.moto, failed.set_exception)
        moto_url = await exits.enter_async_context(moto)
        site = Site(
            built=await building,
            url=f"http://{LOOPBACK}:{port}",
            moto_url=moto_url,
            moto_key=moto_key,
            logs=logs,
            scratch=Path(scratch),
            clock=Clock(config.clock_speed),
            restored=state.restored,
        )
        services = await exits.enter_async_context(open_services(config, site, store))
        gateway = Draining(services.gateway)
        await exits.enter_async_context(_listening(gateway, sockets))
        config.report("creating the stack's resources")
        try:
            stack = await services.start(request)
        except Exception:
            if failed.done():
                failed.result()  # raises what is the cause
            raise
        await exits.enter_async_context(services.working())
        exits.push_async_callback(services.cloudformation.stop)
        exits.push_async_callback(gateway.drain)  # first: everything still works meanwhile
        yield Cloud(
            url=site.url,
            api_url=site.url + services.api.path(),
            api_key=services.api.key(),
            control_token=services.control_token,
            stack=stack,
            services=services,
            logs=logs,
            built=site.built,
            clock=site.clock,
            faults=config.faults,
            failed=failed,
        )


class _Server:
    """A uvicorn server that runs in this event loop."""

    def __init__(self, gateway: Draining, sockets: list[socket.socket]) -> None:
        settings = uvicorn.Config(
            gateway,
            http="h11",  # the C parser loses the body of a request with `Upgrade: h2c`
            ws="none",
            log_level="error",
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=2,
        )
        self._server = uvicorn.Server(settings)
        self._serving = asyncio.ensure_future(self._server.serve(sockets=sockets))

    async def started(self) -> None:
        """Wait until it listens."""
        while not self._server.started:
            await asyncio.sleep(0.01)

    async def stop(self) -> None:
        """Answer the requests under way, then end."""
        self._server.should_exit = True
        await self._serving


@contextlib.asynccontextmanager
async def _listening(gateway: Draining, sockets: list[socket.socket]) -> AsyncIterator[None]:
    server = _Server(gateway, sockets)
    try:
        await server.started()
        yield
    finally:
        await server.stop()


def _read(config: CloudConfig) -> StackRequest | None:
    """Return what the template wants; None for a cloud without one."""
    if config.template is None:
        return None
    config.report(f"reading {config.template.name}")
    source = read_file(config.template)
    parameter_values(source, config.parameters)  # refuses wrong ones before anything is built
    text = json.dumps(source)
    return StackRequest(config.stack_name, text, config.parameters)


def _build(config: CloudConfig, in_use: contextlib.ExitStack) -> dict[str, Path]:
    """Build the functions and layers that the template has."""
    if config.template is None:
        return {}
    sources = read_sources(config.template)
    return build(sources, in_use, config.build_inputs, config.build_folder)
