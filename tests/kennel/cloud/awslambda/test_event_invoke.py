"""Event-invoke configs and resource policies, by Lambda's API."""

import json
import time

import pytest
from botocore.exceptions import ClientError

from tests.kennel.cloud.awslambda.serving import Account, basic, zipped

TOPIC = "arn:aws:sns:us-east-1:123456789012:failures"
FAILS = {"ZipFile": zipped({"app.py": "def handler(*_):\n    raise ValueError('no')"})}


def test_a_config_holds_for_the_next_event(account: Account) -> None:
    functions = account.functions
    arn = functions.create_function(**basic("fails", Code=FAILS))["FunctionArn"]
    put = functions.put_function_event_invoke_config
    failed = {"OnFailure": {"Destination": TOPIC}}
    config = put(FunctionName="fails", MaximumRetryAttempts=0, DestinationConfig=failed)
    assert config["FunctionArn"] == f"{arn}:$LATEST"
    letters = {"TargetArn": "arn:aws:sqs:us-east-1:123456789012:letters"}
    functions.update_function_configuration(FunctionName="fails", DeadLetterConfig=letters)
    functions.invoke(FunctionName="fails", InvocationType="Event", Payload=b'{"n": 1}')
    end = time.monotonic() + 30
    while len(account.delivered) < 2:
        assert time.monotonic() < end
        time.sleep(0.01)
    letter, (destination, record) = account.delivered
    assert letter == (letters["TargetArn"], '{"n": 1}')
    assert (destination, record["requestPayload"]) == (TOPIC, {"n": 1})


def test_a_put_replaces_and_an_update_adds(account: Account) -> None:
    functions, name = account.functions, {"FunctionName": "configured"}
    functions.create_function(**basic("configured"))
    with pytest.raises(ClientError, match=r"configured:\$LATEST doesn't have an EventInvokeConfig"):
        functions.update_function_event_invoke_config(**name, MaximumRetryAttempts=1)
    with pytest.raises(ClientError, match="at least one of error handling or destination"):
        functions.put_function_event_invoke_config(**name)
    functions.put_function_event_invoke_config(**name, MaximumRetryAttempts=1)
    functions.update_function_event_invoke_config(**name, MaximumEventAgeInSeconds=60)
    read = functions.get_function_event_invoke_config(**name)
    assert (read["MaximumRetryAttempts"], read["MaximumEventAgeInSeconds"]) == (1, 60)
    assert read["DestinationConfig"] == {"OnSuccess": {}, "OnFailure": {}}
    functions.put_function_event_invoke_config(**name, MaximumEventAgeInSeconds=90)
    (listed,) = functions.list_function_event_invoke_configs(**name)["FunctionEventInvokeConfigs"]
    assert "MaximumRetryAttempts" not in listed
    functions.delete_function_event_invoke_config(**name)
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        functions.get_function_event_invoke_config(**name)


def test_a_function_of_the_same_name_has_neither_the_config_nor_the_policy(
    account: Account,
) -> None:
    functions, name = account.functions, {"FunctionName": "new"}
    functions.create_function(**basic("new"))
    functions.put_function_event_invoke_config(**name, MaximumRetryAttempts=1)
    functions.add_permission(**name, StatementId="s", Action="lambda:*", Principal="*")
    functions.delete_function(**name)
    functions.create_function(**basic("new"))
    for method in (functions.get_function_event_invoke_config, functions.get_policy):
        with pytest.raises(ClientError, match="ResourceNotFoundException"):
            method(**name)


def test_permissions_make_a_policy(account: Account) -> None:
    functions, name = account.functions, {"FunctionName": "open"}
    created = functions.create_function(**basic("open"))
    invoke = {**name, "Action": "lambda:InvokeFunction"}
    source = {"SourceArn": "arn:aws:s3:::b", "SourceAccount": "123456789012"}
    added = functions.add_permission(
        **invoke, StatementId="s3", Principal="s3.amazonaws.com", **source
    )
    statement = {
        "Sid": "s3",
        "Effect": "Allow",
        "Principal": {"Service": "s3.amazonaws.com"},
        "Action": "lambda:InvokeFunction",
        "Resource": created["FunctionArn"],
        "Condition": {
            "ArnLike": {"AWS:SourceArn": "arn:aws:s3:::b"},
            "StringEquals": {"AWS:SourceAccount": "123456789012"},
        },
    }
    assert json.loads(added["Statement"]) == statement
    functions.add_permission(**invoke, StatementId="other", Principal="210987654321")
    with pytest.raises(ClientError, match=r"ResourceConflictException.*\(s3\).*already exists"):
        functions.add_permission(**invoke, StatementId="s3", Principal="*")
    policy = json.loads(functions.get_policy(**name)["Policy"])
    assert policy["Statement"][0] == statement
    assert policy["Statement"][1]["Principal"] == {"AWS": "arn:aws:iam::210987654321:root"}
    functions.remove_permission(**name, StatementId="s3")
    with pytest.raises(ClientError, match="Statement s3 is not found in resource policy"):
        functions.remove_permission(**name, StatementId="s3")
    (left,) = json.loads(functions.get_policy(**name)["Policy"])["Statement"]
    assert left["Sid"] == "other"
