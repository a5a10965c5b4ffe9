"""What the classifier logs at each LogLevel, in the real emulator with Lambda's JSON format."""

import asyncio
import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import aws_lambda_powertools
import pytest

from kennel.cloud.awslambda.environments import Environments
from kennel.cloud.awslambda.function_config import FunctionConfig, read_function
from tests.functions.classify.photos import FUNCTIONS, jpeg

TOKEN = "a-session-token"
KEY = "a-clients-key"
MOST_BYTES = 5000  # of a line; the trace of an exception is the longest


class Model(BaseHTTPRequestHandler):
    """A SageMaker endpoint that answers a photo at once, or fails."""

    status = 200

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        answer = json.dumps(
            {"model": "m@1", "is_dog": True, "breeds": [{"breed": "Pug", "probability": 0.9}]}
        ).encode()
        self.send_response(self.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def model() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Model)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def classifier(level: str, model: ThreadingHTTPServer) -> FunctionConfig:
    return FunctionConfig(
        name="kennel-Classify",
        handler="classify.app.handler",
        memory=1769,
        timeout=28,
        concurrency=1,
        role="ClassifyRole",
        environment={
            "POWERTOOLS_SERVICE_NAME": "classify",
            "ENDPOINT_NAME": "kennel",
            "ALLOWED_ORIGIN": "",
            "LOG_SAMPLE_RATE": "1",
            "HOSTING": "instances",
            "SAGEMAKER_ENDPOINT_URL": f"http://127.0.0.1:{model.server_port}",
            "AWS_SESSION_TOKEN": TOKEN,
        },
        path=(FUNCTIONS, Path(aws_lambda_powertools.__file__).parents[1]),
        log_format="JSON",
        log_level=level,
    )


def lines_of(level: str, model: ThreadingHTTPServer, folder: Path, *bodies: bytes) -> list[Any]:
    """Send the bodies; return the lines that the function itself has logged."""

    async def send() -> None:
        environments = Environments(classifier(level, model), "http://127.0.0.1:1", folder)
        try:
            for body in bodies:
                event = {
                    "headers": {"Content-Type": "image/jpeg", "x-api-key": KEY},
                    "body": base64.b64encode(body).decode(),
                    "isBase64Encoded": True,
                }
                assert not (await environments.invoke(json.dumps(event).encode())).failed
        finally:
            await environments.stop()

    asyncio.run(send())
    text = (folder / "kennel-Classify.log").read_text()
    assert TOKEN not in text
    assert KEY not in text
    assert max(map(len, text.splitlines())) < MOST_BYTES
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


@pytest.mark.parametrize("level", ["DEBUG", "INFO", "WARN", "ERROR"])
def test_every_request_is_one_short_line_with_a_metric_and_without_secrets(
    model: ThreadingHTTPServer, tmp_path: Path, level: str
) -> None:
    photo = jpeg(640, 480)
    lines = lines_of(level, model, tmp_path, photo, b"This is a letter.", photo)
    assert [line["Status"] for line in lines] == ["200", "400", "200"]
    assert all(line["_aws"]["CloudWatchMetrics"] for line in lines)
    assert {line["service"] for line in lines} == {"classify"}


@pytest.mark.parametrize("level", ["DEBUG", "ERROR"])
def test_a_failing_endpoint_is_logged_with_its_trace_only(
    model: ThreadingHTTPServer, tmp_path: Path, level: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Model, "status", 403)
    request, trace = lines_of(level, model, tmp_path, jpeg())
    assert request["Status"] == "500"
    assert "ClientError" in trace["exception"]


def test_format_and_level_are_read_from_the_configuration() -> None:
    def function(**members: Any) -> FunctionConfig:
        named = {"FunctionName": "f", "Handler": "a.b", "Runtime": "python3.13", **members}
        return read_function(named, Path(), (), "r")

    logging = {"LogFormat": "JSON", "ApplicationLogLevel": "WARN"}
    read = [
        function(),
        function(LoggingConfig={"LogFormat": "JSON"}),
        function(LoggingConfig=logging),
    ]
    assert [(each.log_format, each.log_level) for each in read] == [
        ("Text", ""),
        ("JSON", "INFO"),
        ("JSON", "WARN"),
    ]
