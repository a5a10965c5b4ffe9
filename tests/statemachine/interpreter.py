"""The state machines' definitions in moto's interpreter, with an emulated stack behind their tasks.

So a test covers the definitions and the functions together. SageMaker is emulated in memory; the
tests of the offline cloud run real jobs and endpoints.
"""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import pytest

from kennel.cloud.runtime.processes import free_ports
from tests.machine import DEFINITIONS, definition
from tests.stack import ROOT
from tests.statemachine.emulated_stack import EmulatedStack
from tests.statemachine.task_server import MAX_SECONDS, TaskServer

Json = dict[str, Any]


def _with_short_retries(value: Any) -> Any:
    """Let a second pass before each retry: moto waits in real time. test_shape.py has the rest."""
    if isinstance(value, list):
        return [_with_short_retries(item) for item in value]
    if not isinstance(value, dict):
        return value
    quick = {"IntervalSeconds": 1, "BackoffRate": 1.0} if "MaxAttempts" in value else {}
    return {key: _with_short_retries(item) for key, item in value.items()} | quick


class Machine:
    """The stack's two state machines in moto, and the server of their tasks."""

    def __init__(self, client: Any, server: TaskServer) -> None:
        self._client = client
        self._server = server
        self._arns = {
            name: client.create_state_machine(
                name=name,
                definition=json.dumps(_with_short_retries(definition(name))),
                roleArn="arn:aws:iam::123456789012:role/kennel",
            )["stateMachineArn"]
            for name in DEFINITIONS
        }
        self._runs = 0

    def start(self, stack: EmulatedStack, execution_input: object = None) -> str:
        """Start an execution; return its ARN."""
        self._server.stack = stack
        stack.calls.clear()
        return self._start("TrainAndDeploy", {} if execution_input is None else execution_input)

    def start_clean_up(self, stack: EmulatedStack, execution: Json) -> str:
        """Start the clean-up after an execution, as CleanUpRule does; return its ARN."""
        self._server.stack = stack
        detail = {key: execution[key] for key in ("executionArn", "status")}
        redrives = execution.get("redriveCount", 0)
        return self._start("CleanUpMachine", {**detail, "redriveCount": redrives})

    def _start(self, machine: str, execution_input: object) -> str:
        self._runs += 1
        arn: str = self._client.start_execution(
            stateMachineArn=self._arns[machine],
            name=f"run-{self._runs}",
            input=json.dumps(execution_input),
        )["executionArn"]
        return arn

    def abort(self, arn: str) -> None:
        """Stop an execution, as a person does in the console."""
        self._client.stop_execution(executionArn=arn, error="Person", cause="No more.")

    def wait(self, arn: str) -> Json:
        """Wait for the end of an execution; return its description."""
        deadline = time.monotonic() + MAX_SECONDS
        while time.monotonic() < deadline:
            execution: Json = self._client.describe_execution(executionArn=arn)
            if execution["status"] != "RUNNING":
                return execution
            time.sleep(0.05)
        pytest.fail(f"the execution did not end within {MAX_SECONDS} s")

    def run(self, stack: EmulatedStack, execution_input: object = None) -> Json:
        """Run an execution to its end; after a failure clean up by the rule, as on AWS."""
        execution = self.wait(self.start(stack, execution_input))
        if execution["status"] != "SUCCEEDED":
            self.clean_up(stack, execution)
        return execution

    def clean_up(self, stack: EmulatedStack, execution: Json) -> None:
        """Clean up after an execution to the end."""
        done = self.wait(self.start_clean_up(stack, execution))
        assert done["status"] == "SUCCEEDED", done.get("cause")


@contextmanager
def interpreter() -> Iterator[Machine]:
    """Run moto with the interpreter's calls sent to a `TaskServer`."""
    server = TaskServer()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    (port,) = free_ports(1)
    # The interpreter sends every task to localhost:$MOTO_PORT, whatever moto's own port is.
    moto = subprocess.Popen(
        [sys.executable, "-m", "kennel.cloud.moto_backend.app", str(port)],
        env={**os.environ, "MOTO_PORT": str(server.server_port), "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_until_open(port)
        client = boto3.client(
            "stepfunctions",
            region_name="us-east-1",
            endpoint_url=f"http://127.0.0.1:{port}",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
        yield Machine(client, server)
        client.close()
    finally:
        moto.terminate()
        moto.wait(10)
        server.shutdown()
        server.server_close()


def _wait_until_open(port: int) -> None:
    deadline = time.monotonic() + MAX_SECONDS
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    pytest.fail(f"moto did not start within {MAX_SECONDS} s")
