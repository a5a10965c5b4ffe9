"""POST /classify as API Gateway calls it, with a fake client of the endpoint."""

import base64
import importlib
import io
import json
import logging
import os
import subprocess
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pytest
from aws_lambda_powertools.logging import Logger
from botocore.exceptions import ClientError
from botocore.response import StreamingBody

from classify.endpoint import Endpoint
from classify.observation import Observation
from tests.functions.classify.photos import FUNCTIONS, gradient, jpeg

if TYPE_CHECKING:
    from types_boto3_sagemaker_runtime.client import SageMakerRuntimeClient

ENVIRONMENT = {
    "ENDPOINT_NAME": "kennel",
    "AWS_REGION": "us-east-1",
    "SAGEMAKER_ENDPOINT_URL": "",
    "ALLOWED_ORIGIN": "",
    "LOG_SAMPLE_RATE": "1",
    "HOSTING": "instances",
    "POWERTOOLS_SERVICE_NAME": "classify",
}
ANSWER = {
    "model": "lite2@1",
    "is_dog": True,
    "dog_score": 0.99,
    "breeds": [{"breed": breed, "probability": 0.2} for breed in "ABCDE"],
    "took_ms": 7.1,
}


class FakeRuntime:
    """A runtime client that records its requests."""

    def __init__(self, outcome: Exception | dict[str, Any]) -> None:
        self.outcome = outcome
        self.requests: list[dict[str, Any]] = []

    def invoke_endpoint(self, **request: Any) -> dict[str, Any]:
        self.requests.append(request)
        if isinstance(self.outcome, Exception):
            raise self.outcome
        body = json.dumps(self.outcome).encode()
        return {"Body": StreamingBody(io.BytesIO(body), len(body))}

    def endpoint(self) -> Endpoint:
        return Endpoint(cast("SageMakerRuntimeClient", self), "kennel")


class NoLog:
    """A log that drops its lines."""

    level = logging.INFO

    def log(self, level: int, msg: object, /, *, extra: dict[str, Any]) -> None:
        pass


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    for key, value in ENVIRONMENT.items():
        monkeypatch.setenv(key, value)
    return importlib.import_module("classify.app")


def event(body: bytes, content_type: str = "image/jpeg") -> dict[str, Any]:
    return {
        "headers": {"Content-Type": content_type, "x-api-key": "a-secret-key"},
        "body": base64.b64encode(body).decode(),
        "isBase64Encoded": True,
        "requestContext": {"requestId": "request-1"},
    }


def test_photo_is_answered_with_breeds(app: ModuleType) -> None:
    fake = FakeRuntime(ANSWER)
    with Observation(NoLog(), "kennel") as observation:
        response = app.classify(event(jpeg(640, 480)), fake.endpoint(), observation)
    assert response["statusCode"] == 200
    assert response["headers"]["Content-Type"] == "application/json"
    answer = json.loads(response["body"])
    assert set(answer) == {"is_dog", "breeds", "model", "took_ms"}
    assert answer["breeds"] == ANSWER["breeds"]
    assert (answer["is_dog"], answer["model"]) == (True, "lite2@1")
    assert answer["took_ms"] > 0
    [request] = fake.requests
    assert (request["EndpointName"], request["ContentType"]) == ("kennel", "application/x-npy")
    assert np.load(io.BytesIO(request["Body"])).shape == (320, 427, 3)


def test_what_the_query_asks_for_reaches_the_model_and_comes_back(app: ModuleType) -> None:
    more = {
        "dog": "perhaps",
        "likely": ["A", "B"],
        "explain": {"breed": "A", "heat_map": "iVBORw0KGgo="},
    }
    fake = FakeRuntime({**ANSWER, **more})
    query = {"multiValueQueryStringParameters": {"top": ["2"], "explain": ["1"]}}
    answer = json.loads(answered(app, {**event(jpeg()), **query}, fake)["body"])
    assert {name: answer[name] for name in more} == more
    assert [each["breed"] for each in answer["breeds"]] == ["A", "B"]
    assert fake.requests[0]["CustomAttributes"] == "top=2,explain=1"
    answered(app, event(jpeg()), fake)
    assert "CustomAttributes" not in fake.requests[1]


def test_a_wrong_query_does_not_reach_the_endpoint(app: ModuleType) -> None:
    fake = FakeRuntime(ANSWER)
    query = {"queryStringParameters": {"top": "0"}}
    response = answered(app, {**event(jpeg()), **query}, fake)
    assert (response["statusCode"], fake.requests) == (400, [])
    assert "top is '0', expected a whole number from 1" in json.loads(response["body"])["detail"]


def test_invalid_photo_does_not_reach_the_endpoint(app: ModuleType) -> None:
    fake = FakeRuntime(ANSWER)
    response = answered(app, event(b"This is a letter."), fake)
    assert response["statusCode"] == 400
    assert fake.requests == []


def answered(app: ModuleType, request: dict[str, Any], fake: FakeRuntime) -> dict[str, Any]:
    """Answer as the deployed handler would, with another endpoint behind it."""
    handler = app.make_handler(fake.endpoint(), "kennel", Logger("classify"))
    response: dict[str, Any] = handler(request, None)
    return response


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (event(b""), 400),
        (event(jpeg()[:300]), 400),
        (event(b"\0" * 4_500_001), 413),
        (event(b"GIF89a"), 415),
        (event(jpeg(), "multipart/form-data; boundary=x"), 400),
        ({**event(jpeg(), "text/plain"), "isBase64Encoded": False}, 415),
        (event(b'{"url": "http://x"}', "application/json"), 400),
        ({}, 400),
    ],
)
def test_refusals_are_problem_documents(
    app: ModuleType, request_: dict[str, Any], status: int
) -> None:
    response = answered(app, request_, FakeRuntime(ANSWER))
    assert response["statusCode"] == status
    assert response["headers"]["Content-Type"] == "application/problem+json"
    document = json.loads(response["body"])
    members = {"type", "title", "status", "detail"}
    assert set(document) == members | ({"request_id"} if request_ else set())
    assert document["status"] == status


def test_pages_of_the_allowed_origin_may_read_answers_and_refusals(app: ModuleType) -> None:
    endpoint = FakeRuntime(ANSWER).endpoint()
    handler = app.make_handler(endpoint, "kennel", Logger("classify"), "https://example.com")
    for body in (jpeg(), b"no photo"):
        headers = handler(event(body), None)["headers"]
        assert headers["Access-Control-Allow-Origin"] == "https://example.com"
    closed = answered(app, event(jpeg()), FakeRuntime(ANSWER))["headers"]
    assert not [name for name in closed if name.startswith("Access-Control")]


def test_unexpected_error_reveals_nothing(app: ModuleType) -> None:
    denied = ClientError(
        {"Error": {"Code": "AccessDeniedException", "Message": "arn:aws:iam::1:role/x denied"}},
        "InvokeEndpoint",
    )
    response = answered(app, event(jpeg()), FakeRuntime(denied))
    assert response["statusCode"] == 500
    assert "Retry-After" not in response["headers"]
    for secret in ("arn:", "Traceback", "/functions", "AccessDenied"):
        assert secret not in response["body"]


def test_log_has_the_trace_but_neither_photo_nor_key() -> None:
    # In a process of its own, as Lambda runs it: powertools writes to the real stdout.
    script = """
import json, sys
import classify.app as app
class Denied:
    def classify(self, *_):
        raise PermissionError("arn:aws:sagemaker:denied")
handler = app.make_handler(Denied(), "kennel", app.Logger())
print(json.dumps(handler(json.loads(sys.stdin.read()), None)), file=sys.stderr)
"""
    photo = jpeg()
    run = subprocess.run(
        [sys.executable, "-c", script],
        input=json.dumps(event(photo)),
        env={**ENVIRONMENT, "PYTHONPATH": str(FUNCTIONS), "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(run.stderr)["statusCode"] == 500
    line, trace = [json.loads(text) for text in run.stdout.splitlines()]
    assert (line["service"], line["Status"]) == ("classify", "500")
    assert line["correlation_id"] == trace["correlation_id"] == "request-1"
    assert "PermissionError" in trace["exception"]
    assert "a-secret-key" not in run.stdout
    assert base64.b64encode(photo).decode()[:40] not in run.stdout


@pytest.mark.parametrize("missing", sorted(set(ENVIRONMENT) - {"POWERTOOLS_SERVICE_NAME"}))
def test_missing_setting_stops_the_start(missing: str) -> None:
    environment = {key: value for key, value in ENVIRONMENT.items() if key != missing}
    run = subprocess.run(
        [sys.executable, "-c", "import classify.app"],
        env={**environment, "PYTHONPATH": str(FUNCTIONS), "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 1
    assert f"The environment variable {missing} is not set" in run.stderr.splitlines()[-1]


#: What a cold start imports beside Python's own modules. Another one costs every start: import it
#: where a first photo needs it, or say here why it must be there.
AT_START = {
    "PIL",
    "aws_lambda_powertools",
    "botocore",
    "classify",
    "common",
    "dateutil",  # of botocore, as are the next ones
    "jmespath",
    "pybase64",
    "six",
    "typing_extensions",  # of Powertools
    "urllib3",
}


def test_cold_start_imports_no_unneeded_module() -> None:
    # Structure instead of time: these would each cost a cold start 10 to 500 ms.
    script = """
import sys
import classify.app
print(*sorted(sys.modules))
"""
    run = subprocess.run(
        [sys.executable, "-c", script],
        env={**ENVIRONMENT, "PYTHONPATH": str(FUNCTIONS), "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(run.stdout.split())
    assert {"PIL.JpegImagePlugin", "PIL.WebPImagePlugin", "botocore", "classify.app"} <= loaded
    unneeded = {
        "numpy",
        "torch",
        "pydantic",
        "aws_xray_sdk",
        "boto3",
        "multipart",
        "s3transfer",
        "aws_lambda_powertools.event_handler",
        "PIL.EpsImagePlugin",
        "PIL.PdfImagePlugin",
    }
    assert loaded & unneeded == set()
    packages = {name for name in loaded if "." not in name and not name.startswith("_")}
    # certifi is not in the layer; botocore imports it where it is installed
    assert packages - set(sys.stdlib_module_names) - {"certifi"} == AT_START


def test_first_webp_does_not_load_all_of_pillows_plugins() -> None:
    script = """
import sys
import classify.photo
from PIL import Image
import io
body = io.BytesIO(bytes.fromhex(sys.argv[1]))
classify.photo.decode(body.getvalue())
print(*sorted(name for name in sys.modules if name.endswith("ImagePlugin")))
"""
    body = io.BytesIO()
    gradient(20, 20).save(body, "WEBP")
    run = subprocess.run(
        [sys.executable, "-c", script, body.getvalue().hex()],
        env={"PYTHONPATH": str(FUNCTIONS), "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(run.stdout.split())
    assert "PIL.WebPImagePlugin" in loaded
    assert "PIL.EpsImagePlugin" not in loaded
