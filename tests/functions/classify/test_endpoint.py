"""The endpoint's failures, by botocore's Stubber and by a misbehaving server."""

import io
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError
from botocore.response import StreamingBody
from botocore.stub import Stubber

from classify import endpoint
from classify.endpoint import Breed, Endpoint, Prediction, connect
from classify.options import Options
from common.problem import BadRequest, BadUpstream, TooSlow, Unavailable
from tests.stack import of_type, transformed

if TYPE_CHECKING:
    from types_boto3_sagemaker_runtime.client import SageMakerRuntimeClient

ANSWER: dict[str, Any] = {
    "model": "lite2@1",
    "is_dog": True,
    "dog_score": 0.993,
    "breeds": [{"breed": f"Breed {n}", "probability": 0.5 / (n + 1)} for n in range(5)],
    "took_ms": 7.1,
}


@contextmanager
def stubbed() -> Iterator[tuple[Endpoint, Stubber]]:
    client = boto3.client(
        "sagemaker-runtime",
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"total_max_attempts": 1}),
    )
    with Stubber(client) as stubber:
        yield Endpoint(client, "kennel"), stubber
        stubber.assert_no_pending_responses()


def streaming(body: bytes) -> StreamingBody:
    return StreamingBody(io.BytesIO(body), len(body))


def answered(body: bytes, options: Options | None = None) -> Prediction:
    options = options or Options()
    attributes = {"CustomAttributes": options.attributes} if options.attributes else {}
    with stubbed() as (endpoint, stubber):
        stubber.add_response(
            "invoke_endpoint",
            {"Body": streaming(body)},
            {
                "EndpointName": "kennel",
                "ContentType": "application/x-npy",
                "Accept": "application/json",
                "Body": b"wire",
                **attributes,
            },
        )
        return endpoint.classify(b"wire", "application/x-npy", options)


def refused(code: str, message: str = "no", options: Options | None = None, **more: object) -> None:
    with stubbed() as (endpoint, stubber):
        stubber.add_client_error("invoke_endpoint", code, message, 400, modeled_fields=more or None)
        endpoint.classify(b"wire", "application/x-npy", options or Options())


def test_an_answer_is_read() -> None:
    prediction = answered(json.dumps(ANSWER).encode())
    assert prediction.model == "lite2@1"
    assert prediction.is_dog is True
    assert prediction.breeds[0] == Breed("Breed 0", 0.5)
    assert len(prediction.breeds) == 5


def test_no_more_than_five_breeds_are_passed_on() -> None:
    answer = {**ANSWER, "breeds": ANSWER["breeds"] * 3}
    assert len(answered(json.dumps(answer).encode()).breeds) == 5


def test_as_many_breeds_as_asked_for_are_passed_on() -> None:
    answer = json.dumps({**ANSWER, "breeds": ANSWER["breeds"] * 3, "more": 1}).encode()
    prediction = answered(answer, Options(top=12, explain=True))
    assert (len(prediction.breeds), prediction.more) == (12, {})


def test_more_breeds_than_the_model_knows_are_the_callers_mistake() -> None:
    with pytest.raises(BadRequest, match="top is 500, and the model knows fewer breeds"):
        refused("ModelError", "x", Options(top=500), OriginalStatusCode=422)


@pytest.mark.parametrize(
    "member",
    [
        {"explain": 3},
        {"explain": {"breed": "A"}},
        {"likely": "A"},
        {"likely": [1]},
        {"dog": True},
        {"dog": []},
    ],
)
def test_an_optional_member_of_another_type_is_a_502(member: dict[str, Any]) -> None:
    with pytest.raises(BadUpstream, match="response is invalid"):
        answered(json.dumps({**ANSWER, **member}).encode())


def test_an_answer_that_lambda_could_not_return_is_a_502() -> None:
    fits = {**ANSWER, "explain": {"breed": "A", "heat_map": "A" * 2_400_000}}
    assert answered(json.dumps(fits).encode()).more["explain"] == fits["explain"]
    with pytest.raises(BadUpstream, match="response is invalid"):
        answered(json.dumps({**ANSWER, "more": "A" * 2_600_000}).encode())


def without(key: str) -> dict[str, Any]:
    return {name: value for name, value in ANSWER.items() if name != key}


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"<html>",
        b"\xff",
        b"[" * 100_000,
        b"null",
        b"[]",
        json.dumps(without("model")).encode(),
        json.dumps(without("is_dog")).encode(),
        json.dumps(without("breeds")).encode(),
        json.dumps({**ANSWER, "model": 3}).encode(),
        json.dumps({**ANSWER, "is_dog": "yes"}).encode(),
        json.dumps({**ANSWER, "breeds": []}).encode(),
        json.dumps({**ANSWER, "breeds": "Beagle"}).encode(),
        json.dumps({**ANSWER, "breeds": {"breed": "Beagle"}}).encode(),
        json.dumps({**ANSWER, "breeds": [{"breed": "Beagle"}]}).encode(),
        json.dumps({**ANSWER, "breeds": [{"breed": None, "probability": 0.5}]}).encode(),
        json.dumps({**ANSWER, "breeds": [{"breed": "B", "probability": 1.01}]}).encode(),
        json.dumps({**ANSWER, "breeds": [{"breed": "B", "probability": -0.1}]}).encode(),
        json.dumps({**ANSWER, "breeds": [{"breed": "B", "probability": float("nan")}]}).encode(),
    ],
)
def test_invalid_response_is_a_502(answer: bytes) -> None:
    with pytest.raises(BadUpstream, match="response is invalid") as caught:
        answered(answer)
    assert caught.value.__cause__ is not None  # the log gets it


@pytest.mark.parametrize(
    "code",
    [
        "ThrottlingException",
        "ServiceUnavailable",
        "InternalDependencyException",
        "ModelNotReadyException",
    ],
)
def test_throttling_is_a_503_with_a_short_retry_after(code: str) -> None:
    with pytest.raises(Unavailable) as caught:
        refused(code)
    assert caught.value.headers == {"Retry-After": "2"}


def test_missing_endpoint_is_a_503_with_a_long_retry_after() -> None:
    with pytest.raises(Unavailable, match="No classifier is live yet") as caught:
        refused("ValidationError", "Endpoint kennel of account 123456789012 not found.")
    assert caught.value.headers == {"Retry-After": "30"}
    assert "123456789012" not in caught.value.detail


@pytest.mark.parametrize("status", [429, 503])
def test_a_container_that_sheds_load_is_a_throttle(status: int) -> None:
    with pytest.raises(Unavailable) as caught:
        refused("ModelError", "Received server error", OriginalStatusCode=status)
    assert caught.value.retry_after_s == 2


@pytest.mark.parametrize("status", [400, 415, 500, 502])
def test_model_error_is_a_502_without_its_message(status: int) -> None:
    with pytest.raises(BadUpstream) as caught:
        refused(
            "ModelError",
            "See https://logs/arn:aws:logs:us-east-1:1",
            OriginalStatusCode=status,
            LogStreamArn="arn:aws:logs:us-east-1:1",
        )
    assert "arn:" not in caught.value.detail


def test_a_model_that_outlasts_its_container_is_a_504() -> None:
    words = "Your invocation timed out while waiting for a response from container primary."
    with pytest.raises(TooSlow):
        refused("ModelError", words, OriginalStatusCode=0)


@pytest.mark.parametrize(
    ("code", "message"),
    [("AccessDeniedException", "not authorized"), ("ValidationError", "1 validation error")],
)
def test_misconfiguration_is_not_mapped(code: str, message: str) -> None:
    with pytest.raises(ClientError):
        refused(code, message)


# ---------------------------------------------------------------- the connection


class FakeRuntime:
    """A runtime client with one outcome for each call."""

    def __init__(self, *outcomes: Exception | bytes) -> None:
        self.outcomes = list(outcomes)

    def invoke_endpoint(self, **_request: object) -> dict[str, Any]:
        outcome = self.outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return {"Body": streaming(outcome)}

    def endpoint(self, *, serverless: bool = False) -> Endpoint:
        return Endpoint(cast("SageMakerRuntimeClient", self), "kennel", serverless=serverless)


GOOD = json.dumps(ANSWER).encode()


def test_closed_connection_is_retried_once() -> None:
    fake = FakeRuntime(ConnectionClosedError(endpoint_url="https://x"), GOOD)
    assert fake.endpoint().classify(b"", "x").model == "lite2@1"


def test_connection_is_not_tried_a_third_time() -> None:
    fake = FakeRuntime(*(ConnectionClosedError(endpoint_url="https://x") for _ in range(2)), GOOD)
    with pytest.raises(Unavailable, match="cannot be reached"):
        fake.endpoint().classify(b"", "x")
    assert fake.outcomes == [GOOD]


def test_read_time_out_is_not_retried() -> None:
    fake = FakeRuntime(ReadTimeoutError(endpoint_url="https://x"), GOOD)
    with pytest.raises(TooSlow, match="within 10 s"):
        fake.endpoint().classify(b"", "x")
    assert fake.outcomes == [GOOD]


def test_a_cold_start_beyond_the_functions_time_is_a_503_and_not_retried() -> None:
    fake = FakeRuntime(ReadTimeoutError(endpoint_url="https://x"), GOOD)
    with pytest.raises(Unavailable, match="it starts after a time without calls") as raised:
        fake.endpoint(serverless=True).classify(b"", "x")
    assert raised.value.headers == {"Retry-After": "10"}
    assert fake.outcomes == [GOOD]


def test_attempts_on_a_serverless_endpoint_end_within_the_functions_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    timeout = of_type(transformed(), "AWS::Lambda::Function")["ClassifyFunction"]["Timeout"]
    assert timeout > endpoint._RETRY_WITHIN_S + endpoint.CONNECT_TIMEOUT_S + endpoint.COLD_START_S
    at_once = FakeRuntime(ConnectionClosedError(endpoint_url="https://x"), GOOD)
    assert at_once.endpoint(serverless=True).classify(b"", "x").model == "lite2@1"
    monkeypatch.setattr(endpoint, "_RETRY_WITHIN_S", -1)  # as if the connection had broken later
    late = FakeRuntime(ConnectionClosedError(endpoint_url="https://x"), GOOD)
    with pytest.raises(Unavailable, match="cannot be reached"):
        late.endpoint(serverless=True).classify(b"", "x")
    assert late.outcomes == [GOOD]


@contextmanager
def serving(answer: bytes | None) -> Iterator[tuple[str, list[int]]]:
    """Serve `answer` on every connection; None never answers. Yields the URL and the visits."""
    visits: list[int] = []
    held: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                visits.append(1)
                if answer is None:
                    held.append(connection)
                    continue
                with connection:
                    connection.recv(65_536)
                    connection.sendall(answer)

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}", visits
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()
            for connection in held:
                connection.close()


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")


@pytest.mark.usefixtures("credentials")
def test_over_a_real_socket_a_hung_endpoint_is_a_504_after_one_attempt() -> None:
    with serving(None) as (url, visits):
        client = connect("us-east-1", url, read_timeout_s=0.2)
        with pytest.raises(TooSlow):
            Endpoint(client, "kennel").classify(b"wire", "x")
        assert len(visits) == 1


@pytest.mark.usefixtures("credentials")
def test_over_a_real_socket_a_closed_connection_is_retried() -> None:
    with serving(b"") as (url, visits):
        with pytest.raises(Unavailable):
            Endpoint(connect("us-east-1", url), "kennel").classify(b"wire", "x")
        assert len(visits) == 2


@pytest.mark.usefixtures("credentials")
def test_over_a_real_socket_a_truncated_response_is_unavailable() -> None:
    cut = b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\nContent-Type: application/json\r\n\r\n{}"
    with serving(cut) as (url, _), pytest.raises(Unavailable):
        Endpoint(connect("us-east-1", url), "kennel").classify(b"wire", "x")


@pytest.mark.usefixtures("credentials")
def test_refused_connection_is_unavailable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(Unavailable):
        Endpoint(connect("us-east-1", f"http://127.0.0.1:{port}"), "kennel").classify(b"", "x")
