"""StopExecution at any moment of an execution's life, and RedriveExecution, which is refused."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

COUNT = 100
LONGEST_DELAY_S = 0.6
WAIT_S = 30.0

#: It passes some quick states and waits; those after the wait are there to be parsed.
QUICK, PARSED = 5, 45
DEFINITION = {
    "StartAt": "Pass0",
    "States": {
        **{
            f"Pass{number}": {
                "Type": "Pass",
                "Parameters": {"number": number, "given.$": "$.given"},
                "Next": "Waiting" if number == QUICK else f"Pass{number + 1}",
            }
            for number in range(PARSED)
        },
        "Waiting": {"Type": "Wait", "Seconds": 600, "Next": f"Pass{QUICK + 1}"},
        f"Pass{PARSED}": {"Type": "Succeed"},
    },
}


def stepfunctions(url: str) -> Any:
    return boto3.client(
        "stepfunctions",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="operator",
        aws_secret_access_key="offline",
        config=Config(
            retries={"total_max_attempts": 1}, proxies={}, read_timeout=60, max_pool_connections=20
        ),
    )


def machine(client: Any, name: str, definition: dict[str, Any]) -> str:
    arn: str = client.create_state_machine(
        name=name, definition=json.dumps(definition), roleArn="arn:aws:iam::123456789012:role/tried"
    )["stateMachineArn"]
    return arn


def ended(client: Any, arn: str) -> dict[str, Any]:
    latest = time.monotonic() + WAIT_S
    while True:
        described: dict[str, Any] = client.describe_execution(executionArn=arn)
        if described["status"] != "RUNNING" or time.monotonic() > latest:
            return described
        time.sleep(0.05)


def test_an_execution_is_stopped_whenever_the_call_comes(moto: str) -> None:
    client = stepfunctions(moto)
    arn = machine(client, "stopped", DEFINITION)

    def stopped(number: int) -> dict[str, Any]:
        execution = client.start_execution(stateMachineArn=arn, input='{"given": 1}')
        time.sleep(LONGEST_DELAY_S * number / (COUNT - 1))
        client.stop_execution(executionArn=execution["executionArn"])  # raises for a 500
        return ended(client, execution["executionArn"])

    with ThreadPoolExecutor(10) as pool:
        all_ended = list(pool.map(stopped, range(COUNT)))
    assert [each["status"] for each in all_ended] == ["ABORTED"] * COUNT
    assert all(each["stopDate"] >= each["startDate"] for each in all_ended)


def test_a_stop_of_what_has_ended_changes_nothing(moto: str) -> None:
    client = stepfunctions(moto)
    arn = machine(client, "ends", {"StartAt": "End", "States": {"End": {"Type": "Succeed"}}})
    execution = client.start_execution(stateMachineArn=arn)["executionArn"]
    before = ended(client, execution)
    client.stop_execution(executionArn=execution)
    after = client.describe_execution(executionArn=execution)
    assert after["status"] == before["status"] == "SUCCEEDED"
    assert after["stopDate"] == before["stopDate"]


@pytest.mark.parametrize(
    ("arn", "code"),
    [
        ("arn:aws:states:us-east-1:123456789012:execution:none:none", "ExecutionDoesNotExist"),
        ("no-arn", "InvalidArn"),
    ],
)
def test_a_stop_of_what_is_not_there_is_refused(moto: str, arn: str, code: str) -> None:
    with pytest.raises(ClientError) as raised:
        stepfunctions(moto).stop_execution(executionArn=arn)
    assert raised.value.response["Error"]["Code"] == code


def test_a_redrive_is_refused_by_name(moto: str) -> None:
    client = stepfunctions(moto)
    arn = machine(client, "fails", {"StartAt": "Fail", "States": {"Fail": {"Type": "Fail"}}})
    execution = client.start_execution(stateMachineArn=arn)["executionArn"]
    assert ended(client, execution)["status"] == "FAILED"
    with pytest.raises(ClientError) as raised:
        client.redrive_execution(executionArn=execution)
    error = raised.value.response["Error"]
    assert error["Code"] == "NotImplementedOffline"
    assert "does not emulate states:RedriveExecution" in error["Message"]
