import base64
import io
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dogbreeds.package.card import Card, PackageError
from dogbreeds.photos.decode import wire_array
from server import DRAIN_SECONDS, MAX_BODY, ServerSettings
from tests.model.serving import PATIENCE, SERVER, Running, serving
from tests.raw_http import EXPECT, JAVA, WEBSOCKET, exchange, post

NPY = "application/x-npy"


@pytest.fixture(scope="module")
def endpoint(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with serving(package, tmp_path_factory.mktemp("log") / "server.log") as running:
        running.wait_until_ready()
        yield running


@pytest.fixture(scope="module")
def wire(smoke_bytes: bytes) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, wire_array(smoke_bytes))
    return buffer.getvalue()


def test_the_wire_is_classified(endpoint: Running, wire: bytes, package: Path) -> None:
    answer = endpoint.invoke(wire, NPY)
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    card = Card.read(package)
    assert answer.json["model"] == f"{card.name}@{card.version}"
    assert answer.json["is_dog"] is True
    assert answer.json["breeds"][0]["breed"] == "Bull Mastiff"
    assert len(answer.json["breeds"]) == 5


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_photos_are_classified(endpoint: Running, smoke_bytes: bytes, kind: str) -> None:
    buffer = io.BytesIO()
    with Image.open(io.BytesIO(smoke_bytes)) as image:
        image.save(buffer, kind, quality=95)
    answer = endpoint.invoke(buffer.getvalue(), f"image/{kind.lower()}")
    assert answer.status == 200
    assert answer.json["breeds"][0]["breed"] == "Bull Mastiff"


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("headers", [b"", JAVA, WEBSOCKET, JAVA + EXPECT])
def test_a_photo_arrives_whole_whatever_upgrade_is_asked_for(
    endpoint: Running, smoke_bytes: bytes, headers: bytes, chunked: bool
) -> None:
    headers += b"content-type: image/jpeg\r\n"
    request = post(endpoint.port, "/invocations", headers, smoke_bytes, chunked=chunked)
    split = [request[:30], request[30:200], request[200:], request]
    for answer in exchange(endpoint.port, split, answers=2):
        assert answer.status == 200, answer.body
        assert json.loads(answer.body)["breeds"][0]["breed"] == "Bull Mastiff"


@pytest.mark.parametrize(
    ("query", "attributes"),
    [("?explain=1&top=7", ""), ("", "top=7,explain=1"), ("?top=7", "trace=1;explain=1")],
)
def test_more_is_asked_by_the_query_or_custom_attributes(
    endpoint: Running, smoke_bytes: bytes, query: str, attributes: str
) -> None:
    headers = b"content-type: image/jpeg\r\n"
    if attributes:
        headers += f"X-Amzn-SageMaker-Custom-Attributes: {attributes}\r\n".encode()
    request = post(endpoint.port, f"/invocations{query}", headers, smoke_bytes)
    (answer,) = exchange(endpoint.port, [request])
    assert answer.status == 200, answer.body
    said = json.loads(answer.body)
    assert len(said["breeds"]) == 7
    assert said["explain"]["breed"] == said["breeds"][0]["breed"] == "Bull Mastiff"
    assert base64.b64decode(said["explain"]["heat_map"]).startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("query", "status", "sentence"),
    [
        ("top=0", 400, "top is '0', expected a whole number from 1."),
        ("explain=yes", 400, "explain is 'yes', expected 1 or 0."),
        ("top=500", 422, "top is 500; the model knows 121 breeds."),
    ],
)
def test_wrong_parameters_of_a_request_are_refused(
    endpoint: Running, smoke_bytes: bytes, query: str, status: int, sentence: str
) -> None:
    answer = endpoint.request("POST", f"/invocations?{query}", smoke_bytes, "image/jpeg")
    assert (answer.status, answer.json) == (status, {"error": sentence})


def test_another_content_type_is_415(endpoint: Running, smoke_bytes: bytes) -> None:
    answer = endpoint.invoke(smoke_bytes, "image/gif")
    assert answer.status == 415
    assert answer.json["error"].startswith("The content type 'image/gif' is not served; send one")


@pytest.mark.parametrize("kind", [NPY, "image/jpeg", "image/png", "image/webp"])
@pytest.mark.parametrize("body", [b"", b"nonsense", b"\x93NUMPY\x01\x00", b"\xff\xd8\xff\xe0"])
def test_broken_bytes_are_400_with_one_sentence(endpoint: Running, kind: str, body: bytes) -> None:
    answer = endpoint.invoke(body, kind)
    assert answer.status == 400
    assert set(answer.json) == {"error"}
    assert "Traceback" not in answer.json["error"]
    assert "\n" not in answer.json["error"]
    assert answer.json["error"].endswith(".")


def test_a_body_above_sagemakers_limit_is_413(endpoint: Running) -> None:
    answer = endpoint.invoke(bytes(MAX_BODY + 1), NPY)
    assert answer.status == 413
    assert "6,291,456 bytes" in answer.json["error"]


def test_other_routes_and_methods(endpoint: Running) -> None:
    assert endpoint.request("GET", "/invocations").status == 405
    assert endpoint.request("POST", "/ping").status == 405
    assert endpoint.request("GET", "/").status == 404


def test_ping_answers_while_photos_are_worked_on(endpoint: Running, wire: bytes) -> None:
    stop = threading.Event()

    def invoke() -> set[int]:
        statuses = set()
        while not stop.is_set():
            statuses.add(endpoint.invoke(wire, NPY).status)
        return statuses

    with ThreadPoolExecutor(4) as pool:
        loads = [pool.submit(invoke) for _ in range(4)]
        try:
            pings = [endpoint.request("GET", "/ping").status for _ in range(20)]
        finally:
            stop.set()
    assert set(pings) == {200}
    assert set().union(*(load.result() for load in loads)) == {200}


def test_not_ready_before_the_warm_up(package: Path, tmp_path: Path, wire: bytes) -> None:
    log = tmp_path / "server.log"
    # A named pipe in place of the card: loading waits until somebody writes to it.
    slow = shutil.copytree(package, tmp_path / "package")
    card = (slow / "card.json").read_bytes()
    (slow / "card.json").unlink()
    subprocess.run(["mkfifo", str(slow / "card.json")], check=True)
    with serving(slow, log) as running:
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                ping = running.request("GET", "/ping")
                break
            except ConnectionError:
                assert time.monotonic() < deadline
                time.sleep(0.01)
        invocation = running.invoke(wire, NPY)
        for answer in (ping, invocation):
            assert answer.status == 503
            assert answer.headers["retry-after"] == "1"
            assert answer.json == {"error": "The model is still loading; try again."}
        (slow / "card.json").write_bytes(card)
        assert running.wait_until_ready()[-1] == 200
        assert running.invoke(wire, NPY).status == 200
    assert log.read_text().startswith("ready: tf_efficientnet_lite2-pretrained@")


@pytest.mark.parametrize(
    "name", ["card.json", "breeds.json", "network.xml", "network.bin", "smoke.jpg"]
)
@pytest.mark.parametrize("damage", ["missing", "truncated"])
def test_a_broken_package_never_becomes_ready_and_says_why(
    package: Path, tmp_path: Path, name: str, damage: str
) -> None:
    broken = shutil.copytree(package, tmp_path / "package")
    whole = (broken / name).read_bytes()
    (broken / name).unlink()
    if damage == "truncated":
        (broken / name).write_bytes(whole[: len(whole) // 2])
    log = tmp_path / "server.log"
    with serving(broken, log) as running:
        with pytest.raises(AssertionError, match="exit status 1"):
            running.wait_until_ready()
        assert running.process.wait(PATIENCE) == 1
    lines = log.read_text().splitlines()
    assert lines[-1].startswith("not ready: ")
    assert name in lines[-1] or "engine cannot load the model package" in lines[-1]
    assert "Traceback" not in log.read_text()


def nan_weights(folder: Path) -> None:
    """Make one weight in the middle of the network NaN: a float32 of all ones."""
    weights = bytearray((folder / "network.bin").read_bytes())
    middle = len(weights) // 8 * 4
    weights[middle : middle + 4] = b"\xff" * 4
    (folder / "network.bin").write_bytes(weights)


def a_breed_less(folder: Path) -> None:
    breeds = json.loads((folder / "breeds.json").read_text())
    (folder / "breeds.json").write_text(json.dumps(breeds[:-1]))


@pytest.mark.parametrize(
    ("harm", "reason"),
    [(nan_weights, "not a number"), (a_breed_less, "121 outputs and breeds.json 120 breeds")],
)
def test_a_package_that_loads_and_is_wrong_never_becomes_ready(
    package: Path, tmp_path: Path, harm: Callable[[Path], None], reason: str
) -> None:
    broken = shutil.copytree(package, tmp_path / "package")
    harm(broken)
    log = tmp_path / "server.log"
    with serving(broken, log) as running, pytest.raises(AssertionError, match="exit status 1"):
        running.wait_until_ready()
    last = log.read_text().splitlines()[-1]
    assert last.startswith("not ready: ")
    assert reason in last


def test_another_package_than_the_released_one_never_becomes_ready(
    package: Path, tmp_path: Path
) -> None:
    log = tmp_path / "server.log"
    with (
        serving(package, log, KENNEL_SMOKE_BREED="Beagle") as running,
        pytest.raises(AssertionError, match="exit status 1"),
    ):
        running.wait_until_ready()
    assert "'Bull Mastiff', and the release expects 'Beagle'" in log.read_text().splitlines()[-1]
    with serving(package, log, KENNEL_SMOKE_BREED="Bull Mastiff") as running:
        running.wait_until_ready()


@pytest.mark.slow
def test_a_request_that_never_ends_cannot_hold_the_server_past_its_kill(
    package: Path, tmp_path: Path
) -> None:
    """SIGTERM, half a body and silence: the server is gone before SageMaker's SIGKILL at 30 s."""
    with serving(package, tmp_path / "server.log") as running:
        running.wait_until_ready()
        head = (
            f"POST /invocations HTTP/1.1\r\nHost: kennel\r\nContent-Type: {NPY}\r\n"
            "Content-Length: 1000\r\n\r\n"
        )
        with socket.create_connection(("127.0.0.1", running.port), PATIENCE) as connection:
            connection.sendall(head.encode() + b"half")
            time.sleep(0.3)  # the server has begun to read this request
            running.process.send_signal(signal.SIGTERM)
            with pytest.raises(subprocess.TimeoutExpired):
                running.process.wait(DRAIN_SECONDS / 2)  # it gives the caller time
            running.process.wait(PATIENCE)
            with pytest.raises(ConnectionError):
                running.request("GET", "/ping")


def test_sigterm_lets_the_request_in_flight_finish(
    package: Path, tmp_path: Path, wire: bytes
) -> None:
    with serving(package, tmp_path / "server.log") as running:
        running.wait_until_ready()
        head = (
            f"POST /invocations HTTP/1.1\r\nHost: kennel\r\nContent-Type: {NPY}\r\n"
            f"Content-Length: {len(wire)}\r\nConnection: close\r\n\r\n"
        )
        with socket.create_connection(("127.0.0.1", running.port), PATIENCE) as connection:
            connection.sendall(head.encode() + wire[:1000])
            time.sleep(0.3)  # the server has begun to read this request
            running.process.send_signal(signal.SIGTERM)
            time.sleep(0.3)
            assert running.process.poll() is None
            connection.sendall(wire[1000:])
            answer = b"".join(iter(lambda: connection.recv(65_536), b""))
        head_text, _, body = answer.partition(b"\r\n\r\n")
        assert head_text.startswith(b"HTTP/1.1 200")
        assert json.loads(body)["breeds"][0]["breed"] == "Bull Mastiff"
        running.process.wait(PATIENCE)
        with pytest.raises(ConnectionError):
            running.request("GET", "/ping")


def test_a_busy_port_ends_with_its_reason(package: Path, tmp_path: Path) -> None:
    log = tmp_path / "server.log"
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        with serving(package, log, SAGEMAKER_BIND_TO_PORT=port) as running:
            assert running.process.wait(PATIENCE) != 0
    assert "address already in use" in log.read_text()


def test_settings_come_from_the_environment() -> None:
    settings = ServerSettings.from_environment(
        {
            "SM_MODEL_DIR": "/m",
            "SAGEMAKER_BIND_TO_PORT": "9000",
            "KENNEL_HOST": "0.0.0.0",  # noqa: S104  # read here, bound nowhere
            "KENNEL_THREADS": "3",
            "KENNEL_REPLICAS": "2",
            "KENNEL_QUEUE": "9",
        }
    )
    assert settings == ServerSettings(Path("/m"), "0.0.0.0", 9000, 3, 2, 9)  # noqa: S104
    assert settings.worker_arguments() == ["/m", "1"]  # no more threads than cores
    default = ServerSettings.from_environment({})
    assert (default.model_dir, default.host, default.port) == (
        Path("/opt/ml/model"),
        "127.0.0.1",
        8080,
    )
    assert 1 <= default.threads <= len(os.sched_getaffinity(0))
    assert (default.replicas, default.queue) == (1, 32 * default.threads)


@pytest.mark.parametrize("cores", ["1", "2", "4"])
def test_one_replica_has_all_cores_by_default(cores: str) -> None:
    settings = ServerSettings.from_environment({"KENNEL_THREADS": cores})
    assert settings.worker_arguments()[1] == cores


def test_more_replicas_than_cores_are_refused() -> None:
    with pytest.raises(PackageError, match=r"KENNEL_REPLICAS is '3', expected .* 1 to 2"):
        ServerSettings.from_environment({"KENNEL_THREADS": "2", "KENNEL_REPLICAS": "3"})


@pytest.mark.parametrize("name", ["SAGEMAKER_BIND_TO_PORT", "KENNEL_THREADS", "KENNEL_QUEUE"])
@pytest.mark.parametrize("value", ["", "0", "-1", "x", "1.5", "99999999", "²"])
def test_a_wrong_setting_is_named(name: str, value: str) -> None:
    with pytest.raises(PackageError, match=f"{name} is '.*', expected a whole number from 1 to"):
        ServerSettings.from_environment({name: value})


@pytest.mark.parametrize("arguments", [[], ["train"], ["serve", "x"]])
def test_wrong_arguments_print_the_usage(arguments: list[str]) -> None:
    command = [sys.executable, str(SERVER), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == "usage: python server.py serve\n"
