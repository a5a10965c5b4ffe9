"""The offline cloud as one object: start it, call it, and be sure that it ends."""

import asyncio
import contextlib
import fcntl
import shutil
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

import uvicorn

from kennel.cloud.awslambda.build import build
from kennel.cloud.awslambda.function_config import make_target
from kennel.cloud.cloudformation.stack import DeployedStack
from kennel.cloud.cloudformation.template import Stack, load
from kennel.cloud.gateway import Gateway
from kennel.cloud.moto_backend.server import MotoServer
from kennel.cloud.runtime.clock import Clock
from kennel.cloud.runtime.faults import Faults
from kennel.cloud.runtime.processes import free_ports, listen
from kennel.cloud.runtime.run_folder import run_folder
from kennel.cloud.sagemaker.endpoints.instance import OFFLINE_IMAGE
from kennel.cloud.services import Parts, Setting
from kennel.errors import CannotStart
from kennel.paths import STATE, TEMPLATE

LOOPBACK = "127.0.0.1"

#: What differs from the template's defaults: no image to pull, and no minutes to wait.
OFFLINE_PARAMETERS = {"ServingImage": OFFLINE_IMAGE, "PollSeconds": "1", "BakeSeconds": "2"}


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
    fresh
        Start without what is in `state`: it is removed once no other cloud can be using it.
    keep_logs
        Leave the logs at the end; the next cloud that starts in this checkout removes them.
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
    logs
        Folder of the logs of this cloud's processes; no other cloud writes there.
    built
        Folder of each function's and layer's build, by logical id.
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
    fresh: bool = False
    keep_logs: bool = False
    faults: Faults = field(default_factory=Faults)
    report: Callable[[str], None] = lambda line: None

    stack: Stack = field(init=False)
    url: str = field(init=False)
    api_url: str = field(init=False)
    api_key: str = field(init=False)
    logs: Path = field(init=False)
    built: dict[str, Path] = field(init=False)
    clock: Clock = field(init=False)
    deployment: DeployedStack = field(init=False)

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
        except BaseException as error:
            self._stop(error)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End everything."""
        self._stop(error)

    async def _start(self) -> None:
        later = self._stack_of_parts
        sockets = [later.enter_context(contextlib.closing(listen(LOOPBACK, self.port)))]
        port = sockets[0].getsockname()[1]
        if self.host != LOOPBACK:
            sockets.append(later.enter_context(contextlib.closing(listen(self.host, port))))
        self.url = f"http://{LOOPBACK}:{port}"
        if self.state:
            later.enter_context(_alone_with(self.state, self.fresh))
        run = Path(later.enter_context(tempfile.TemporaryDirectory(prefix="kennel-run-")))
        self.logs = later.enter_context(run_folder(STATE / "run", self.keep_logs)) / "logs"
        self.logs.mkdir()

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
        in_use = later.enter_context(contextlib.ExitStack())
        self.built, _ = await asyncio.gather(
            asyncio.to_thread(build, code, in_use), moto.start(port, self.logs)
        )
        setting = Setting(
            stack=self.stack,
            built=self.built,
            url=self.url,
            moto_url=moto.url,
            logs=self.logs,
            folder=run,
            state=self.state,
            clock=self.clock,
            faults=self.faults,
            report=self.report,
        )
        parts = Parts(setting, later)
        self.deployment, self.api_key = parts.deployment, parts.api_key
        self.api_url = f"{self.url}/{parts.api.stage}"
        await self._serve(parts.gateway, sockets)
        self.report("creating the stack's resources")
        await parts.begin()

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

    def _stop(self, error: BaseException | None) -> None:
        ending = self._stack_of_parts.__aexit__(
            type(error) if error else None, error, error.__traceback__ if error else None
        )
        try:
            asyncio.run_coroutine_threadsafe(ending, self._loop).result()
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()


@contextlib.contextmanager
def _alone_with(state: Path, fresh: bool) -> Iterator[None]:
    """Hold the state's lock, and empty it if `fresh`; CannotStart when another cloud has it."""
    state.mkdir(parents=True, exist_ok=True)
    with (state / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CannotStart(
                f"another offline cloud runs with the state in {state}: `kennel down` ends it"
            ) from None
        if fresh:
            for path in set(state.iterdir()) - {state / "lock"}:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        yield
