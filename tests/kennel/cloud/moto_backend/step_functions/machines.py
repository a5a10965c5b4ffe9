"""State machines of the `moto` fixture's server, by boto3."""

import json
import time
from typing import Any

import boto3
from botocore.config import Config

ROLE = "arn:aws:iam::123456789012:role/tried"
WAITS = {"Type": "Wait", "Seconds": 600, "End": True}
WAIT_S = 30.0


def client(service: str, url: str) -> Any:
    make_client: Any = boto3.client  # boto3's types know only literal names
    return make_client(
        service,
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="operator",
        aws_secret_access_key="offline",
        config=Config(
            retries={"total_max_attempts": 1},
            parameter_validation=False,
            proxies={},
            read_timeout=60,
            max_pool_connections=20,
        ),
    )


def machine(states: Any, name: str, state: dict[str, Any], **more: Any) -> str:
    """Create a state machine of one state; return its ARN."""
    definition = {"StartAt": "S", "States": {"S": state}, **more}
    arn: str = states.create_state_machine(
        name=name, definition=json.dumps(definition), roleArn=ROLE
    )["stateMachineArn"]
    return arn


def ended(states: Any, arn: str) -> dict[str, Any]:
    """Wait for the end of an execution; return its description."""
    latest = time.monotonic() + WAIT_S
    while True:
        described: dict[str, Any] = states.describe_execution(executionArn=arn)
        if described["status"] != "RUNNING" or time.monotonic() > latest:
            return described
        time.sleep(0.05)


def last_event(states: Any, arn: str) -> dict[str, Any]:
    """Return the last event of an execution's history."""
    event: dict[str, Any] = states.get_execution_history(
        executionArn=arn, reverseOrder=True, maxResults=1
    )["events"][0]
    return event
