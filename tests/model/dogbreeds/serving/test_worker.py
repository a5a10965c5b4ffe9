import io
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from dogbreeds.photos.decode import wire_array
from dogbreeds.serving.frames import BEAT, REPLY, Reply, Request
from dogbreeds.serving.inference import Model
from dogbreeds.serving.worker import CRASHED, Worker

NPY = "application/x-npy"


@contextmanager
def working(model: Model) -> Iterator[socket.socket]:
    server_end, replica_end = socket.socketpair()
    worker = Worker(model, replica_end, threads=2)
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        yield server_end
    finally:
        server_end.close()
        thread.join(30)
        replica_end.close()
        assert not thread.is_alive()


def send(connection: socket.socket, number: int, kind: str, body: bytes) -> None:
    connection.sendall(Request(number, kind, body).head() + body)


def receive(connection: socket.socket, count: int) -> dict[int, Reply]:
    """Return as many replies to requests, by number."""
    replies: dict[int, Reply] = {}
    with connection.makefile("rb") as stream:
        while len(replies) < count:
            number, status, size = REPLY.unpack(stream.read(REPLY.size))
            body = stream.read(size)
            if number != BEAT:
                replies[number] = Reply(number, status, body)
    return replies


def npy(pixels: NDArray[np.uint8]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, pixels)
    return buffer.getvalue()


def test_each_request_gets_its_own_answer(model: Model, smoke_bytes: bytes) -> None:
    noise = npy(np.random.default_rng(1).integers(0, 256, (40, 40, 3), np.uint8))
    wires = [noise, npy(wire_array(smoke_bytes))]
    with working(model) as connection:
        for number in range(1, 21):
            send(connection, number, NPY, wires[number % 2])
        replies = receive(connection, 20)
    assert {reply.status for reply in replies.values()} == {200}
    for number in range(1, 21):
        assert (b'"is_dog": true' in replies[number].body) == (number % 2 == 1), number
        assert (b"Bull Mastiff" in replies[number].body) == (number % 2 == 1), number


def test_a_bad_request_beside_good_ones(model: Model, smoke_bytes: bytes) -> None:
    with working(model) as connection:
        send(connection, 1, "image/jpeg", smoke_bytes)
        send(connection, 2, "image/jpeg", b"no photo")
        send(connection, 3, "text/html", b"")
        replies = receive(connection, 3)
    assert {number: reply.status for number, reply in replies.items()} == {1: 200, 2: 400, 3: 415}


def test_a_crash_is_a_500_without_its_trace_and_hurts_no_other(
    model: Model, capfd: pytest.CaptureFixture[str]
) -> None:
    class Faulty:
        breeds, precision = 121, "fp32"
        explain, embed = model.engine.explain, model.engine.embed

        def __call__(
            self, photos: NDArray[np.uint8]
        ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
            if (photos == 0).all(axis=(1, 2, 3)).any():
                raise RuntimeError("secret detail")
            return model.engine(photos)

    black = npy(np.zeros((8, 8, 3), np.uint8))
    white = npy(np.full((8, 8, 3), 255, np.uint8))
    with working(replace(model, engine=Faulty())) as connection:
        for number in range(1, 9):
            send(connection, number, NPY, black if number == 4 else white)
        replies = receive(connection, 8)
    assert replies.pop(4) == Reply(4, 500, CRASHED.encode())
    assert {reply.status for reply in replies.values()} == {200}
    assert "secret detail" in capfd.readouterr().err


def test_a_slow_network_does_not_delay_the_beats(model: Model) -> None:
    class Slow:
        breeds, precision = 121, "fp32"
        explain, embed = model.engine.explain, model.engine.embed
        ended = threading.Event()

        def __call__(
            self, photos: NDArray[np.uint8]
        ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
            assert self.ended.wait(30)
            return model.engine(photos)

    slow = Slow()
    with working(replace(model, engine=slow)) as connection, connection.makefile("rb") as stream:
        for number in range(1, 13):  # more than there are threads
            send(connection, number, NPY, npy(np.zeros((8, 8, 3), np.uint8)))
        beats = [REPLY.unpack(stream.read(REPLY.size)) for _ in range(2)]
        slow.ended.set()
        assert beats == [(BEAT, 200, 0)] * 2
        receive(connection, 12)
