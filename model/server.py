"""Serve a model package over HTTP as SageMaker's endpoints do: `/ping` and `/invocations`.

    SM_MODEL_DIR=/path/to/unpacked/model python model/server.py serve

This process handles HTTP; the model is in the replicas, each a process of its own
(dogbreeds/serving/worker.py). The server listens at once and answers 503 while the model loads;
/ping answers 200 once the model gives the smoke photo the breed on the package's card and in
KENNEL_SMOKE_BREED, where a release sets it, so that no traffic moves to another model. A package
that fails this check ends the server with exit status 1 and the reason as the last line of its log.
A replica that dies or hangs later is replaced. Requests beyond the queue's size get 503 with
Retry-After instead of waiting. On SIGTERM the server accepts no more connections and finishes the
requests in flight.
"""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from dogbreeds.package.card import PackageError
from dogbreeds.serving.parameters import ATTRIBUTES, BadParameter, Parameters
from dogbreeds.serving.replicas import ReplicaDied, Replicas
from dogbreeds.serving.upgrades import UpgradeIgnoringProtocol

MAX_BODY = 6 * 1024 * 1024  # bytes; what SageMaker's InvokeEndpoint lets through
BODY_SECONDS = 30.0  # until the whole body must be there: a slow one holds a place in the queue
DRAIN_SECONDS = 25  # SageMaker sends SIGKILL 30 s after SIGTERM
RETRY_AFTER = "1"  # seconds, while the model loads or the queue is full


@dataclass(frozen=True)
class ServerSettings:
    """The settings of the server, read from environment variables at start."""

    model_dir: Path
    host: str
    port: int
    threads: int  # cores for all replicas together
    replicas: int  # processes that hold the model; one can use all cores
    queue: int  # maximum requests in progress; further ones get 503

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "ServerSettings":
        """Read the settings.

        Raises
        ------
        PackageError
            A value is not a number or out of range; the message names the variable.
        """
        threads = _number(environment, "KENNEL_THREADS", _cores(), 1, 1_024)
        return cls(
            model_dir=Path(environment.get("SM_MODEL_DIR", "/opt/ml/model")),
            host=environment.get("KENNEL_HOST", "127.0.0.1"),
            port=_number(environment, "SAGEMAKER_BIND_TO_PORT", 8080, 1, 65_535),
            threads=threads,
            replicas=_number(environment, "KENNEL_REPLICAS", 1, 1, threads),
            queue=_number(environment, "KENNEL_QUEUE", 32 * threads, 1, 10_000),
        )

    def worker_arguments(self) -> list[str]:
        """Return the arguments of `worker.py` after its file descriptor."""
        share = max(1, self.threads // self.replicas)
        return [str(self.model_dir), str(share)]


class Endpoint:
    """The handlers of the two routes."""

    def __init__(self, replicas: Replicas, queue: int, body_seconds: float = BODY_SECONDS) -> None:
        self._replicas, self._queue, self._body_seconds = replicas, queue, body_seconds
        self._in_progress = 0

    async def ping(self, _: Request) -> Response:
        """Answer 200 once a replica is ready, else 503."""
        return Response(status_code=200) if self._replicas.ready else _not_ready()

    async def invocations(self, request: Request) -> Response:
        """Classify the photo in the body."""
        if not self._replicas.ready:
            return _not_ready()
        if self._in_progress >= self._queue:
            return await _refuse_full_queue(request, self._body_seconds)
        self._in_progress += 1
        try:
            return await self._answer(request)
        finally:
            self._in_progress -= 1

    async def _answer(self, request: Request) -> Response:
        body = bytearray()
        try:
            async with asyncio.timeout(self._body_seconds):
                async for chunk in request.stream():
                    body += chunk
                    if len(body) > MAX_BODY:
                        return _problem(413, f"The body is larger than {MAX_BODY:,} bytes.")
        except TimeoutError:
            return _problem(408, f"The body did not arrive within {self._body_seconds:g} s.")
        except ClientDisconnect:
            return _problem(400, "The connection closed before the whole body was received.")
        content_type = request.headers.get("content-type", "")
        try:
            asked = Parameters.parse(request.headers.get(ATTRIBUTES, ""), request.url.query)
            reply = await self._replicas.infer(content_type, bytes(body), asked.text())
        except BadParameter as error:
            return _problem(400, str(error))
        except ReplicaDied:
            return _retry("The model's process ended and is being replaced; try again.")
        if reply.status != 200:  # noqa: PLR2004  # HTTP's OK
            return _problem(reply.status, reply.body.decode())
        return Response(reply.body, media_type="application/json")


def create_app(endpoint: Endpoint, replicas: Replicas) -> Starlette:
    """Build the ASGI application, which starts the replicas when it starts."""

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        replicas.start()
        yield
        await replicas.close()

    return Starlette(
        routes=[
            Route("/ping", endpoint.ping, methods=["GET"]),
            Route("/invocations", endpoint.invocations, methods=["POST"]),
        ],
        lifespan=lifespan,
    )


def serve(settings: ServerSettings) -> int:
    """Serve until SIGTERM; return the exit status."""
    failures: list[Exception] = []

    def stop(error: Exception) -> None:
        failures.append(error)
        server.should_exit = True

    replicas = Replicas(settings.worker_arguments(), settings.replicas, stop)
    server = uvicorn.Server(
        uvicorn.Config(
            create_app(Endpoint(replicas, settings.queue), replicas),
            host=settings.host,
            port=settings.port,
            # Over a C parser; h11, in Python, makes a single request some 5 % slower.
            http=UpgradeIgnoringProtocol,
            ws="none",
            access_log=False,
            log_level="warning",
            timeout_graceful_shutdown=DRAIN_SECONDS,
        )
    )
    server.run()
    if not failures:
        return 0
    if not isinstance(failures[0], PackageError):
        raise failures[0]  # a bug: the log needs its traceback
    print(f"not ready: {failures[0]}", file=sys.stderr, flush=True)
    return 1


def _problem(status: int, sentence: str, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse({"error": sentence}, status, headers)


def _retry(sentence: str) -> Response:
    return _problem(503, sentence, {"Retry-After": RETRY_AFTER})


def _not_ready() -> Response:
    return _retry("The model is still loading; try again.")


async def _refuse_full_queue(request: Request, seconds: float) -> Response:
    """Read the body, then answer 503: closing the connection before could lose the answer."""
    size = 0
    with contextlib.suppress(ClientDisconnect, TimeoutError):
        async with asyncio.timeout(seconds):
            async for chunk in request.stream():
                size += len(chunk)
                if size > MAX_BODY:
                    break
    return _retry("The queue is full; try again.")


def _cores() -> int:
    """Return the cores that this process may use, within its container's CPU quota."""
    cores = len(os.sched_getaffinity(0))
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text("utf-8").split()
    except (OSError, ValueError):
        return cores
    return cores if quota == "max" else max(1, min(cores, int(quota) // int(period)))


def _number(
    environment: Mapping[str, str], name: str, default: int, lowest: int, highest: int
) -> int:
    text = environment.get(name, str(default))
    if not (text.isascii() and text.isdecimal() and lowest <= int(text) <= highest):
        raise PackageError(
            f"{name} is {text!r}, expected a whole number from {lowest} to {highest}."
        )
    return int(text)


def main() -> int:
    """Run `python server.py serve`, as SageMaker starts the container."""
    if sys.argv[1:] != ["serve"]:
        print("usage: python server.py serve", file=sys.stderr)
        return 2
    try:
        return serve(ServerSettings.from_environment(os.environ))
    except PackageError as error:
        print(f"not ready: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
