"""The state machine's ways through moto's interpreter, with every service scripted.

What stands behind its steps is tested with each function; the whole, with real ones, in
tests/kennel/cloud.
"""

import json
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

import boto3
import pytest

from tests.machine import FUNCTIONS, definition

Answer = tuple[int, dict[str, str], Any]


def ok(value: Any) -> Answer:
    return 200, {}, value


def raised(error_type: str, message: str) -> Answer:
    """Answer as Lambda does for a function that raised."""
    trace = {"errorMessage": message, "errorType": error_type, "requestId": "1", "stackTrace": []}
    return 200, {"X-Amz-Function-Error": "Unhandled"}, trace


def refused(code: str, message: str, status: int = 400) -> Answer:
    """Answer as an AWS service does that refuses a call."""
    return status, {"x-amzn-ErrorType": code}, {"__type": code, "message": message}


def endpoint(status: str, **more: str) -> Answer:
    return ok({"EndpointName": "kennel", "EndpointStatus": status, **more})


RELEASED = {
    "model_name": "kennel-new",
    "config_name": "kennel-new",
    "previous_config_name": None,
    "instance_count": 1,
}
BUNDLE = {
    "hash": "0123456789abcdef0123",
    "prefix": "code/0123456789abcdef0123/",
    "model_data_url": "s3://kennel-bucket/code/0123456789abcdef0123/model.tar.gz",
    "smoke_breed": "Bull Mastiff",
}
SMOKE = {"breed": "Bull Mastiff", "probability": 0.81, "model": "kennel@1"}
SCALED = {
    "resource_id": "endpoint/kennel/variant/AllTraffic",
    "min_instances": 1,
    "max_instances": 5,
    "scale_in_cooldown_s": 30,
    "scale_out_cooldown_s": 30,
}
WELL = {
    "Preflight": [ok({"endpoint_name": "kennel"})],
    "PublishBundle": [ok(BUNDLE)],
    "Release": [ok(RELEASED)],
    "DescribeEndpoint": [endpoint("Creating"), endpoint("InService")],
    "SmokeTest": [ok(SMOKE)],
    "ApplyAutoscaling": [ok(SCALED)],
    "CopyObject": [ok("<CopyObjectResult/>")],
}


class Services(ThreadingHTTPServer):
    """Lambda, SageMaker and S3 by script: each call takes the next answer, the last one stays."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Call)
        self.script: dict[str, list[Answer]] = {}
        self.calls: list[tuple[str, Any]] = []


class _Call(BaseHTTPRequestHandler):
    server: Services

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if "X-Amz-Copy-Source" in self.headers:
            name = "CopyObject"
            given: Any = (self.headers["X-Amz-Copy-Source"], self.path)
        else:
            target = self.headers.get("X-Amz-Target", "")
            name = target.split(".")[-1] or unquote(self.path).split("/")[3].split(":")[-1]
            given = json.loads(body)
        self.server.calls.append((name, given))
        answers = self.server.script[name]
        status, headers, value = answers.pop(0) if len(answers) > 1 else answers[0]
        payload = (value if isinstance(value, str) else json.dumps(value)).encode()
        self.send_response(status)
        for key, header in {"x-amzn-RequestId": "1", **headers}.items():
            self.send_header(key, header)
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    do_PUT = do_POST  # noqa: N815  # the name that http.server looks for

    def log_message(self, *_args: object) -> None:
        """Stay silent."""


class Machine:
    """The definition in moto's interpreter."""

    def __init__(self, client: Any, services: Services) -> None:
        self._client = client
        self._services = services
        self._arn = client.create_state_machine(
            name="kennel",
            definition=json.dumps(definition()),
            roleArn="arn:aws:iam::123456789012:role/kennel",
        )["stateMachineArn"]
        self._runs = 0

    @property
    def calls(self) -> list[tuple[str, Any]]:
        """What the services were asked since the execution began."""
        return self._services.calls

    def run(self, given: object = None, **changes: list[Answer]) -> dict[str, Any]:
        """Start an execution, wait for its end and describe it."""
        self._services.script = {name: list(each) for name, each in {**WELL, **changes}.items()}
        self._services.calls = []
        self._runs += 1
        execution = self._client.start_execution(
            stateMachineArn=self._arn,
            name=f"run-{self._runs}",
            input=json.dumps({} if given is None else given),
        )["executionArn"]
        for _ in range(600):
            described: dict[str, Any] = self._client.describe_execution(executionArn=execution)
            if described["status"] != "RUNNING":
                return described
            time.sleep(0.05)
        pytest.fail("the execution did not end within 30 s")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    services = Services()
    threading.Thread(target=services.serve_forever, daemon=True).start()
    port = _free_port()
    # The interpreter sends every task to localhost:$MOTO_PORT, wherever moto itself listens.
    moto = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        env={**os.environ, "MOTO_PORT": str(services.server_port)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        config = b'{"stepfunctions": {"execute_state_machine": true}}'
        _post(f"http://127.0.0.1:{port}/moto-api/config", config)
        client = boto3.client(
            "stepfunctions",
            region_name="us-east-1",
            endpoint_url=f"http://127.0.0.1:{port}",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
        yield Machine(client, services)
        client.close()
    finally:
        moto.terminate()
        moto.wait(10)
        services.shutdown()
        services.server_close()


def _post(url: str, body: bytes) -> None:
    for _ in range(300):
        try:
            with urllib.request.urlopen(url, data=body):  # noqa: S310  # our own address
                return
        except OSError:
            time.sleep(0.1)
    pytest.fail("moto did not start within 30 s")


def test_way_of_a_release(machine: Machine) -> None:
    done = machine.run({"Comment": "hello"})
    assert done["status"] == "SUCCEEDED"
    assert json.loads(done["output"]) == {
        "endpoint_name": "kennel",
        "bundle": BUNDLE,
        "release": RELEASED,
        "smoke": SMOKE,
        "autoscaling": SCALED,
    }
    given = dict(machine.calls)
    assert [name for name, _ in machine.calls] == [
        "Preflight",
        "PublishBundle",
        "Release",
        "DescribeEndpoint",
        "DescribeEndpoint",
        "SmokeTest",
        "ApplyAutoscaling",
        "CopyObject",
    ]
    assert given["Preflight"] == {"input": {"Comment": "hello"}}
    assert given["Release"]["bundle"] == BUNDLE
    assert given["Release"]["execution"]["Id"] == done["executionArn"]
    assert given["DescribeEndpoint"] == {"EndpointName": "kennel"}
    assert given["SmokeTest"] == {"bundle": BUNDLE, "release": RELEASED}
    source, path = given["CopyObject"]
    assert source == "kennel-bucket/code/0123456789abcdef0123/breeds.json"
    assert path.endswith("/live/breeds.json")


@pytest.mark.parametrize("given", [["a", "list"], "a string", 5])
def test_any_input_reaches_preflight(machine: Machine, given: object) -> None:
    machine.run(given)
    assert machine.calls[0] == ("Preflight", {"input": given})


@pytest.mark.parametrize("name", FUNCTIONS)
def test_failure_of_a_function_is_one_sentence(machine: Machine, name: str) -> None:
    done = machine.run(**{name: [raised("SomethingFailed", 'It\'s {broken}: "mend" it.')]})
    assert (done["status"], done["error"]) == ("FAILED", "SomethingFailed")
    assert done["cause"] == 'It\'s {broken}: "mend" it.'
    assert machine.calls[-1][0] == name  # nothing runs after it, and it runs once


def test_refusal_of_a_service_keeps_its_words(machine: Machine) -> None:
    done = machine.run(Release=[refused("AccessDeniedException", "You may not.", 403)])
    # Its name is part of the sentence: some names begin with States., which no Fail state may.
    assert (done["status"], done["error"]) == ("FAILED", "StepFailed")
    assert done["cause"].startswith("Lambda.AccessDeniedException, You may not.")


def test_throttle_of_lambda_passes(machine: Machine) -> None:
    throttle = refused("TooManyRequestsException", "Rate exceeded", 429)
    done = machine.run(Release=[throttle, ok(RELEASED)])
    assert done["status"] == "SUCCEEDED"
    assert [name for name, _ in machine.calls].count("Release") == 2


def test_endpoint_that_fails_gives_its_reason(machine: Machine) -> None:
    failed = endpoint("Failed", FailureReason="The container did not pass the ping health check.")
    done = machine.run(DescribeEndpoint=[endpoint("Creating"), failed])
    assert (done["status"], done["error"]) == ("FAILED", "EndpointNotInService")
    assert done["cause"] == (
        "The endpoint kennel is Failed after the release: "
        "The container did not pass the ping health check."
    )


def test_endpoint_that_fails_without_a_reason_says_where_to_look(machine: Machine) -> None:
    done = machine.run(DescribeEndpoint=[endpoint("OutOfService")])
    assert done["cause"] == (
        "The endpoint kennel is OutOfService after the release, and SageMaker gives no reason: "
        "see the log group /aws/sagemaker/Endpoints/kennel"
    )


@pytest.mark.parametrize("status", ["Creating", "Updating", "SystemUpdating", "RollingBack"])
def test_endpoint_on_its_way_is_waited_for(machine: Machine, status: str) -> None:
    done = machine.run(DescribeEndpoint=[endpoint(status), endpoint(status), endpoint("InService")])
    assert done["status"] == "SUCCEEDED"
    assert [name for name, _ in machine.calls].count("DescribeEndpoint") == 3
