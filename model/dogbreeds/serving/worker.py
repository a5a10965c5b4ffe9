"""Run one replica: load the model and answer requests in frames. `server.py` starts it.

    python -m dogbreeds.serving.worker FD MODEL_DIR THREADS BATCH WAIT_MS

KENNEL_SMOKE_BREED is the breed that the release expects for the package's smoke photo, if set.

Each thread takes a request through all steps; only the network runs in one thread at a time, on
the photos that have collected meanwhile. The process ends when the server closes its end of the
socket, so no replica outlives its server.
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
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from dogbreeds.package.card import PackageError
from dogbreeds.serving.batching import Batcher
from dogbreeds.serving.frames import BEAT, BEAT_SECONDS, READY, Reply, Request, read_request
from dogbreeds.serving.inference import (
    Model,
    Prepared,
    RequestError,
    input_fn,
    load_model,
    output_fn,
    predict_all,
    prepare_photos,
    warm_up,
)
from dogbreeds.serving.parameters import Parameters

CRASHED = "The model failed on this photo; the server's log has the reason."


@dataclass(frozen=True)
class Waiting:
    """A decoded request that waits for the network."""

    number: int
    photos: Prepared


class Worker:
    """Answers the requests of one socket.

    Parameters
    ----------
    connection : socket.socket
        The replica's end; several threads write replies to it.
    threads : int
        Photos decoded at once, beside those in the network.
    batch, wait_s
        See `Batcher`.
    """

    def __init__(
        self, model: Model, connection: socket.socket, threads: int, batch: int, wait_s: float
    ) -> None:
        self._model, self._connection = model, connection
        self._threads = threads + 1  # one of them runs the network
        self._reading, self._writing = threading.Lock(), threading.Lock()
        self._decoding = 0  # requests that will need the network soon
        self._decoding_lock = threading.Lock()
        self._batcher = Batcher(self._predict, batch, wait_s, lambda: self._decoding > 0)

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
        """Take one request after another from its bytes to the batch, and run batches."""
        while True:
            with self._reading:
                request = read_request(stream)
            if request is None:
                return
            photos = self._decode(request)
            if photos:
                self._batcher.put(Waiting(request.number, photos))

    def _decode(self, request: Request) -> Prepared | None:
        with self._decoding_lock:
            self._decoding += 1
        try:
            asked = Parameters.parse(request.parameters)
            photo = input_fn(request.body, request.content_type)
            return prepare_photos(replace(photo, asked=asked), self._model)
        except RequestError as error:
            self._reply(request.number, error.status, str(error).encode())
        except Exception:  # any other fault is a 500, so that the client does not wait for ever
            self._reply_crashed(request.number)
        finally:
            with self._decoding_lock:
                self._decoding -= 1
        return None

    def _predict(self, batch: list[Waiting]) -> None:
        try:
            answers = predict_all([waiting.photos for waiting in batch], self._model)
        except Exception:
            if len(batch) == 1:
                self._reply_crashed(batch[0].number)
                return
            for waiting in batch:  # one by one, so that one bad photo fails alone
                self._predict([waiting])
            return
        for waiting, answer in zip(batch, answers, strict=True):
            self._reply(waiting.number, 200, output_fn(answer))

    def _reply_crashed(self, number: int) -> None:
        traceback.print_exc()
        self._reply(number, 500, CRASHED.encode())

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
    descriptor, model_dir, threads, batch, wait_ms = sys.argv[1:]
    # BrokenPipeError: the server ended while the model was loading
    with socket.socket(fileno=int(descriptor)) as connection, suppress(BrokenPipeError):
        try:
            model = load_model(Path(model_dir), int(threads))
            warm_up(model, Path(model_dir), os.environ.get("KENNEL_SMOKE_BREED", ""))
        except PackageError as error:
            connection.sendall(Reply(READY, 500, str(error).encode()).encode())
            return 1
        connection.sendall(Reply(READY, 200, model.label.encode()).encode())
        Worker(model, connection, int(threads), int(batch), float(wait_ms) / 1000).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
