"""Run one replica: load the model and answer requests in frames. `server.py` starts it.

    python -m dogbreeds.serving.worker FD MODEL_DIR THREADS

KENNEL_SMOKE_BREED is the breed that the release expects for the package's smoke photo, if set.

Each thread takes one request after another through all steps. The process ends when the server
closes its end of the socket, so no replica outlives its server.
"""

import os
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from dogbreeds.package.card import PackageError
from dogbreeds.serving.frames import BEAT, BEAT_SECONDS, READY, Reply, Request, read_request
from dogbreeds.serving.inference import (
    Model,
    RequestError,
    input_fn,
    load_model,
    output_fn,
    predict_fn,
    warm_up,
)
from dogbreeds.serving.parameters import Parameters

#: Requests that are decoded while the network has others. They wait for it in order; with fewer,
#: the slowest of many clients wait longer.
AHEAD = 8
CRASHED = "The model failed on this photo; the server's log has the reason."


class Worker:
    """Answers the requests of one socket.

    Parameters
    ----------
    connection : socket.socket
        The replica's end; several threads write replies to it.
    threads : int
        Cores. ``AHEAD`` requests more than that are worked on.
    """

    def __init__(self, model: Model, connection: socket.socket, threads: int) -> None:
        self._model, self._connection, self._threads = model, connection, threads + AHEAD
        self._reading, self._writing = threading.Lock(), threading.Lock()

    def run(self) -> None:
        """Answer requests until the server closes its end, then finish those received."""
        with (
            self._connection.makefile("rb") as stream,
            self._beating(),
            ThreadPoolExecutor(self._threads, thread_name_prefix="answer") as pool,
        ):
            for future in [pool.submit(self._answer, stream) for _ in range(self._threads)]:
                future.result()

    @contextmanager
    def _beating(self) -> Iterator[None]:
        """Send a beat every second, from a thread of its own: all others may be busy for long."""
        ended = threading.Event()

        def beat() -> None:
            while not ended.wait(BEAT_SECONDS):
                self._reply(BEAT, 200, b"")

        thread = threading.Thread(target=beat, name="beat")
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def _answer(self, stream: BinaryIO) -> None:
        while True:
            with self._reading:
                request = read_request(stream)
            if request is None:
                return
            self._reply(request.number, *self._classify(request))

    def _classify(self, request: Request) -> tuple[int, bytes]:
        """Return the status and the body of the answer."""
        try:
            asked = Parameters.parse(request.parameters)
            photo = input_fn(request.body, request.content_type)
            return 200, output_fn(predict_fn(replace(photo, asked=asked), self._model))
        except RequestError as error:
            return error.status, str(error).encode()
        except Exception:  # any other fault is a 500, so that the client does not wait for ever
            traceback.print_exc()
            return 500, CRASHED.encode()

    def _reply(self, number: int, status: int, body: bytes) -> None:
        frame = Reply(number, status, body).encode()
        # BrokenPipeError: the server has closed its end, and run() is about to end
        with self._writing, suppress(BrokenPipeError, ConnectionResetError):
            self._connection.sendall(frame)


def main() -> int:
    """Load the model, warm up, send the ready frame, and answer requests."""
    # Ctrl-C and a process group's SIGTERM reach this process too; the server decides when it ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    descriptor, model_dir, threads = sys.argv[1:]
    # BrokenPipeError: the server ended while the model was loading
    with socket.socket(fileno=int(descriptor)) as connection, suppress(BrokenPipeError):
        try:
            model = load_model(Path(model_dir), int(threads))
            warm_up(model, Path(model_dir), os.environ.get("KENNEL_SMOKE_BREED", ""))
        except PackageError as error:
            connection.sendall(Reply(READY, 500, str(error).encode()).encode())
            return 1
        connection.sendall(Reply(READY, 200, model.label.encode()).encode())
        Worker(model, connection, int(threads)).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
