"""Kennel's stack with a VPC, a key and access logs of its owner's, in the whole cloud."""

import json
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from kennel.cloud.cloud import Cloud
from kennel.cloud.runtime.clients import client
from tests.conftest import StartCloud

KEY = "arn:aws:kms:us-east-1:123456789012:key/01234567-89ab-cdef-0123-456789abcdee"
PARAMETERS = {
    "VpcSubnets": "subnet-0,subnet-1",
    "VpcSecurityGroups": "sg-0",
    "KmsKeyArn": KEY,
    "ApiAccessLogs": "yes",
}


@pytest.fixture(scope="module")
def private_cloud(start_cloud: StartCloud) -> Iterator[Cloud]:
    with start_cloud(parameters=PARAMETERS, stack_name="private") as cloud:
        yield cloud


@pytest.mark.slow
def test_every_function_is_read_with_its_vpc(private_cloud: Cloud) -> None:
    functions = client("lambda", private_cloud.url)
    declared = private_cloud.stack.of_type("AWS::Lambda::Function")
    assert declared
    for each in declared:
        vpc = functions.get_function_configuration(FunctionName=each.name)["VpcConfig"]
        assert (vpc["SubnetIds"], vpc["SecurityGroupIds"]) == (["subnet-0", "subnet-1"], ["sg-0"])
        whole = functions.get_function(FunctionName=each.name)["Configuration"]
        assert whole["VpcConfig"] == vpc


@pytest.mark.slow
def test_each_request_to_the_api_is_a_line_in_its_log_group(private_cloud: Cloud) -> None:
    group = private_cloud.stack.resources["ApiLogGroup"].name
    answers = [
        httpx.get(f"{private_cloud.api_url}/{path}", timeout=60) for path in ("breeds", "none")
    ]
    httpx.post(
        f"{private_cloud.api_url}/classify",
        content=b"no photo",
        headers={"x-api-key": private_cloud.api_key, "content-type": "image/jpeg"},
        timeout=60,
    )
    logs = client("logs", private_cloud.url)
    end = time.monotonic() + 60
    lines: list[dict[str, Any]] = []
    while len(lines) < 3:
        assert time.monotonic() < end, lines
        events = logs.filter_log_events(logGroupName=group)["events"]
        lines = [json.loads(each["message"]) for each in events]
        time.sleep(0.2)
    by_path = {line["path"]: line for line in lines}
    assert [by_path[path]["status"] for path in ("/breeds", "-", "/classify")] == [
        *map(str, (each.status_code for each in answers)),
        "400",
    ]
    assert by_path["/breeds"]["request_id"] == answers[0].headers["x-amzn-requestid"]
    assert by_path["/breeds"]["bytes"] == str(len(answers[0].content))
    assert by_path["/classify"]["key"] == private_cloud.stack.resources["ApiKey"].name
    assert by_path["/breeds"]["key"] == "-"
