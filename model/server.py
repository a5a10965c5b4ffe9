"""The endpoint's server: SageMaker's `/ping` and `/invocations` around `inference.py`.

    SM_MODEL_DIR=/path/to/unpacked/model python model/server.py serve

It listens at once, answers 503 while the model loads, and 200 on /ping only after the package's
own smoke photo got the answer it got when the package was made. A package that fails this ends
the process with exit status 1 and the reason as the last line of its log. SIGTERM stops accepting
and lets the requests in flight finish.
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from card import PackageError
from inference import Model, RequestError, input_fn, model_fn, output_fn, predict_fn, warm_up

MAX_BODY = 6 * 1024 * 1024  # bytes; what SageMaker's InvokeEndpoint lets through
DRAIN_SECONDS = 25  # SageMaker sends SIGKILL 30 s after SIGTERM
RETRY_SECONDS = 1  # told to callers while the model loads


@dataclass(frozen=True)
class Settings:
    """What the environment says, read once at start."""

    model_dir: Path
    host: str
    port: int
    threads: int  # photos worked on at once, and cores that one prediction may use

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Settings":
        """Read the settings.

        Raises
        ------
        PackageError
            A number is none, or out of its range; the message names the variable.
        """
        return cls(
            model_dir=Path(environment.get("SM_MODEL_DIR", "/opt/ml/model")),
            host=environment.get("KENNEL_HOST", "127.0.0.1"),
            port=_number(environment, "SAGEMAKER_BIND_TO_PORT", 8080, 65_535),
            threads=_number(environment, "KENNEL_THREADS", len(os.sched_getaffinity(0)), 1_024),
        )


class Endpoint:
    """The two routes, and the model once it is ready."""

    def __init__(self, load: Callable[[], Model], threads: int) -> None:
        self._load = load
        # Decoding and the network release the GIL; the event loop stays free for /ping.
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="predict")
        self._model: Model | None = None

    async def load(self) -> None:
        """Load and warm up; after this /ping says 200."""
        self._model = await asyncio.get_running_loop().run_in_executor(self._pool, self._load)
        print(f"ready: {self._model.label}", flush=True)

    async def ping(self, _: Request) -> Response:
        """Say whether invocations are answered."""
        return Response(status_code=200) if self._model else _not_ready()

    async def invocations(self, request: Request) -> Response:
        """Classify the photo in the body."""
        if self._model is None:
            return _not_ready()
        body = bytearray()
        try:
            async for chunk in request.stream():
                body += chunk
                if len(body) > MAX_BODY:
                    return _problem(413, f"The body is larger than {MAX_BODY:,} bytes.")
        except ClientDisconnect:
            return _problem(400, "The connection closed before the body was whole.")
        content_type = request.headers.get("content-type", "")
        work = partial(_answer, self._model, bytes(body), content_type)
        try:
            answer = await asyncio.get_running_loop().run_in_executor(self._pool, work)
        except RequestError as error:
            return _problem(error.status, str(error))
        return Response(answer, media_type="application/json")

    def close(self) -> None:
        """Let the work in flight finish and end the threads."""
        self._pool.shutdown()


def create_app(endpoint: Endpoint, on_failure: Callable[[Exception], None]) -> Starlette:
    """Build the ASGI application, which begins to load the model when it starts.

    Parameters
    ----------
    on_failure : callable
        Told the error if the model cannot be loaded.
    """

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        def loaded(task: asyncio.Task[None]) -> None:
            error = None if task.cancelled() else task.exception()
            if isinstance(error, Exception):
                on_failure(error)

        loading = asyncio.create_task(endpoint.load())
        loading.add_done_callback(loaded)
        yield
        loading.cancel()
        endpoint.close()

    return Starlette(
        routes=[
            Route("/ping", endpoint.ping, methods=["GET"]),
            Route("/invocations", endpoint.invocations, methods=["POST"]),
        ],
        # Starlette logs the trace to stderr after this has answered
        exception_handlers={Exception: _crash},
        lifespan=lifespan,
    )


def serve(settings: Settings) -> int:
    """Serve until SIGTERM; return the exit status."""

    def load() -> Model:
        model = model_fn(str(settings.model_dir), settings.threads)
        warm_up(model, settings.model_dir)
        return model

    failures: list[Exception] = []

    def stop(error: Exception) -> None:
        failures.append(error)
        server.should_exit = True

    app = create_app(Endpoint(load, settings.threads), stop)
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            host=settings.host,
            port=settings.port,
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


def _answer(model: Model, body: bytes, content_type: str) -> bytes:
    return output_fn(predict_fn(input_fn(body, content_type), model))


def _problem(status: int, sentence: str, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse({"error": sentence}, status, headers)


def _not_ready() -> Response:
    return _problem(
        503, "The model is still loading; try again.", {"Retry-After": str(RETRY_SECONDS)}
    )


async def _crash(_: Request, __: Exception) -> Response:
    return _problem(500, "The model failed on this photo; the server's log has the reason.")


def _number(environment: Mapping[str, str], name: str, default: int, highest: int) -> int:
    text = environment.get(name, str(default))
    if not (text.isascii() and text.isdecimal() and 1 <= int(text) <= highest):
        raise PackageError(f"{name} is {text!r}, expected a whole number from 1 to {highest}.")
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
