"""The endpoint's server: SageMaker's `/ping` and `/invocations` in front of the model's replicas.

    SM_MODEL_DIR=/path/to/unpacked/model python model/server.py serve

This process speaks HTTP and holds no model; `worker.py` does, in a process of its own for each
replica. It listens at once, answers 503 while the model loads, and 200 on /ping only after the
package's own smoke photo got the answer it got when the package was made. A package that fails this
ends the server with exit status 1 and the reason as the last line of its log. A replica that dies
later is replaced. More requests than the queue holds are turned away (503, Retry-After) rather than
kept waiting. SIGTERM stops accepting and lets the requests in flight finish.
"""

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
from dogbreeds.serving.replicas import Gone, Replicas

MAX_BODY = 6 * 1024 * 1024  # bytes; what SageMaker's InvokeEndpoint lets through
DRAIN_SECONDS = 25  # SageMaker sends SIGKILL 30 s after SIGTERM
RETRY_SECONDS = 1  # told to callers while the model loads or the queue is full


@dataclass(frozen=True)
class Settings:
    """What the environment says, read once at start."""

    model_dir: Path
    host: str
    port: int
    threads: int  # cores in all; each replica gets its share
    replicas: int  # processes that hold the model; one uses all cores, so more only cost memory
    batch: int  # most photos that go through the network at once
    wait_ms: int  # that a photo waits at most for others that are being decoded
    queue: int  # requests taken in, answered or not; the next is turned away

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Settings":
        """Read the settings.

        Raises
        ------
        PackageError
            A number is none, or out of its range; the message names the variable.
        """
        threads = _number(environment, "KENNEL_THREADS", _cores(), 1, 1_024)
        return cls(
            model_dir=Path(environment.get("SM_MODEL_DIR", "/opt/ml/model")),
            host=environment.get("KENNEL_HOST", "127.0.0.1"),
            port=_number(environment, "SAGEMAKER_BIND_TO_PORT", 8080, 1, 65_535),
            threads=threads,
            replicas=_number(environment, "KENNEL_REPLICAS", 1, 1, threads),
            batch=_number(environment, "KENNEL_BATCH", 8, 1, 256),
            wait_ms=_number(environment, "KENNEL_BATCH_WAIT_MS", 5, 0, 1_000),
            queue=_number(environment, "KENNEL_QUEUE", 32 * threads, 1, 10_000),
        )

    def worker_arguments(self) -> list[str]:
        """Return what `worker.py` gets after its file descriptor."""
        share = max(1, self.threads // self.replicas)
        return [str(self.model_dir), str(share), str(self.batch), str(self.wait_ms)]


class Endpoint:
    """The two routes."""

    def __init__(self, replicas: Replicas, queue: int) -> None:
        self._replicas, self._queue = replicas, queue
        self._taken = 0

    async def ping(self, _: Request) -> Response:
        """Say whether invocations are answered."""
        return Response(status_code=200) if self._replicas.ready else _not_ready()

    async def invocations(self, request: Request) -> Response:
        """Classify the photo in the body."""
        if not self._replicas.ready:
            return _not_ready()
        if self._taken >= self._queue:
            return await _turned_away(request)
        self._taken += 1
        try:
            return await self._answer(request)
        finally:
            self._taken -= 1

    async def _answer(self, request: Request) -> Response:
        body = bytearray()
        try:
            async for chunk in request.stream():
                body += chunk
                if len(body) > MAX_BODY:
                    return _problem(413, f"The body is larger than {MAX_BODY:,} bytes.")
        except ClientDisconnect:
            return _problem(400, "The connection closed before the body was whole.")
        content_type = request.headers.get("content-type", "")
        try:
            reply = await self._replicas.ask(content_type, bytes(body))
        except Gone:
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


def serve(settings: Settings) -> int:
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
            http="httptools",  # its C parser; h11, in Python, costs a lone photo some 5 %
            access_log=False,
            log_level="warning",
            timeout_graceful_shutdown=DRAIN_SECONDS,
        )
    )
    server.run()
    if not failures:
        return 0
    if not isinstance(failures[0], PackageError):
        raise failures[0]  # a fault of ours: its trace belongs in the log
    print(f"not ready: {failures[0]}", file=sys.stderr, flush=True)
    return 1


def _problem(status: int, sentence: str, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse({"error": sentence}, status, headers)


def _retry(sentence: str) -> Response:
    return _problem(503, sentence, {"Retry-After": str(RETRY_SECONDS)})


def _not_ready() -> Response:
    return _retry("The model is still loading; try again.")


async def _turned_away(request: Request) -> Response:
    """Refuse a request, once its body has passed: closing before that could lose the answer."""
    passed = 0
    try:
        async for chunk in request.stream():
            passed += len(chunk)
            if passed > MAX_BODY:
                break
    except ClientDisconnect:
        pass
    return _retry("All places in the queue are taken; try again.")


def _cores() -> int:
    """Cores that this process may use: of the machine, or of the container's share of it."""
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
        return serve(Settings.from_environment(os.environ))
    except PackageError as error:
        print(f"not ready: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
