"""The conformance table: every case of every cases_*.py beside this file, on one running cloud."""

import importlib
import re
import time
from collections.abc import Mapping
from pathlib import Path
from string import Template
from typing import Any

import boto3
import httpx
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from kennel.cloud.cloud import Cloud
from kennel.cloud.iam.identity import OPERATOR_KEY
from tests.cloud.case import Case, HttpCase, Refused, differences

WAIT_SECONDS = 300.0

MODULES = [
    importlib.import_module(f"tests.cloud.{file.stem}")
    for file in sorted(Path(__file__).parent.glob("cases_*.py"))
]
ALL = [case for module in MODULES for case in module.CASES]
CALLS = [each for each in ALL if isinstance(each, Case)]
REQUESTS = [each for each in ALL if isinstance(each, HttpCase)]


class Caller:
    """boto3 clients that check nothing themselves, and the texts that a case may name."""

    def __init__(self, cloud: Cloud) -> None:
        self._url = cloud.url
        self._clients: dict[tuple[str, str], Any] = {}
        roles = {each.logical_id: each.arn for each in cloud.stack.of_type("AWS::IAM::Role")}
        self._texts = {
            "bucket": cloud.stack.outputs["BucketName"],
            "role": roles["ModelRole"],
            "bundle": str(cloud.built["PublishBundleFunction"] / "bundle"),
        }

    def call(
        self, call: str, request: Any, name: str, caller: str = OPERATOR_KEY
    ) -> dict[str, Any]:
        service, _, method = call.partition(".")
        if service == "kennel":
            return self._ask(method, self.filled(request, name))
        if (service, caller) not in self._clients:
            make: Any = boto3.client  # its type knows a client only where the service is a literal
            self._clients[service, caller] = make(
                service,
                endpoint_url=self._url,
                region_name="us-east-1",
                aws_access_key_id=caller,
                aws_secret_access_key="offline",
                config=Config(
                    parameter_validation=False,
                    retries={"total_max_attempts": 1},
                    s3={"addressing_style": "path"},
                    proxies={},
                ),
            )
        client, given = self._clients[service, caller], self.filled(request, name)
        if method.startswith("wait_until_"):
            waiter = client.get_waiter(method.removeprefix("wait_until_"))
            waiter.wait(**given, WaiterConfig={"Delay": 1, "MaxAttempts": int(WAIT_SECONDS)})
            return {}
        answer: dict[str, Any] = getattr(client, method)(**given)
        return answer

    def _ask(self, what: str, request: Any) -> dict[str, Any]:
        """Ask for a fault, or wait until an endpoint or an execution is as `request` says."""
        if what == "faults":
            httpx.post(f"{self._url}/kennel/faults", json=request).raise_for_status()
            return {}
        call, key = {
            "until": ("sagemaker.describe_endpoint", "EndpointName"),
            "until_execution": ("stepfunctions.describe_execution", "executionArn"),
        }[what]
        until = time.monotonic() + WAIT_SECONDS
        named = {key: request[key]}
        while differences(request, self.call(call, named, "")):
            assert time.monotonic() < until, request
            time.sleep(0.2)
        return {}

    def filled(self, value: Any, name: str) -> Any:
        if isinstance(value, str):
            return Template(value).safe_substitute(self._texts, name=name)
        if isinstance(value, Mapping):
            return {self.filled(key, name): self.filled(each, name) for key, each in value.items()}
        if isinstance(value, list | tuple):
            return [self.filled(each, name) for each in value]
        return value


@pytest.fixture(scope="module")
def caller(bare_cloud: Cloud) -> Caller:
    made = Caller(bare_cloud)
    for module in MODULES:
        for call, request in getattr(module, "BEFORE_ALL", ()):
            made.call(call, request, "")
    return made


@pytest.mark.parametrize("case", CALLS, ids=lambda case: case.name)
def test_call(caller: Caller, case: Case) -> None:
    name = f"case-{ALL.index(case)}"
    for call, request in case.before:
        caller.call(call, request, name)
    if isinstance(case.expect, Refused):
        with pytest.raises(ClientError) as raised:
            caller.call(case.call, case.request, name, case.caller)
        response = raised.value.response
        assert response["Error"]["Code"] == case.expect.code
        pattern = caller.filled(case.expect.message, name)
        assert re.fullmatch(pattern, response["Error"]["Message"], re.DOTALL), response["Error"]
        assert response["ResponseMetadata"]["HTTPStatusCode"] == case.expect.status
        return
    expected = caller.filled(case.expect, name)
    until = time.monotonic() + WAIT_SECONDS
    while found := differences(expected, caller.call(case.call, case.request, name, case.caller)):
        assert case.eventually and time.monotonic() < until, found
        time.sleep(0.2)


@pytest.mark.parametrize("case", REQUESTS, ids=lambda case: case.name)
def test_request(bare_cloud: Cloud, case: HttpCase) -> None:
    base = bare_cloud.url if case.whole_path else bare_cloud.api_url
    headers = {
        name: value.replace("$api_key", bare_cloud.api_key) for name, value in case.headers.items()
    }
    answer = httpx.request(
        case.method,
        base + case.path,
        headers=headers,
        content=case.body,
        timeout=60,
        trust_env=False,
    )
    assert answer.status_code == case.expect_status, answer.text
    assert not differences(case.expect_headers, dict(answer.headers), "headers")
    if case.expect_json is not None:
        assert not differences(case.expect_json, answer.json())


def test_every_case_says_who_says_so() -> None:
    assert all(re.match(r"https://|botocore: \w+|RFC \d+", case.source) for case in ALL)


def test_no_two_cases_have_one_name() -> None:
    assert len({case.name for case in ALL}) == len(ALL)
