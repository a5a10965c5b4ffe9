"""Run every case of the modules in cases/ against one offline cloud."""

import asyncio
import importlib
import re
from collections.abc import Callable, Mapping
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
from kennel.cloud.origins import TOKEN_HEADER
from tests.cloud.conformance_case import Case, HttpCase, Refused, differences

WAIT_SECONDS = 300.0  # real: what is awaited starts processes
POLL_SECONDS = 0.1  # offline

MODULES = [
    importlib.import_module(f"tests.cloud.cases.{file.stem}")
    for file in sorted((Path(__file__).parent / "cases").glob("*.py"))
]
ALL = [case for module in MODULES for case in module.CASES]
CALLS = [each for each in ALL if isinstance(each, Case)]
REQUESTS = [each for each in ALL if isinstance(each, HttpCase)]


class Caller:
    """Makes a case's calls with boto3 clients that do not check requests themselves."""

    def __init__(self, cloud: Cloud) -> None:
        self._url = cloud.url
        self._control = {TOKEN_HEADER: cloud.control_token}
        self._clock = cloud.clock
        self._clients: dict[tuple[str, str], Any] = {}
        roles = {each.logical_id: each.arn for each in cloud.stack.of_type("AWS::IAM::Role")}
        self._texts = {
            "bucket": cloud.stack.outputs["BucketName"],
            "role": roles["ModelRole"],
            "api": cloud.stack.resources["Api"].name,
            "key": cloud.stack.resources["ApiKey"].name,
            "bundle": str(cloud.built["PublishBundleFunction"] / "bundle"),
        }

    def call(
        self, call: str, request: Any, name: str, caller: str = OPERATOR_KEY
    ) -> dict[str, Any]:
        service, _, method = call.partition(".")
        if service == "kennel":
            return self._call_kennel(method, self.filled(request, name))
        if (service, caller) not in self._clients:
            # The service's name is a case's: boto3's types know only literal ones.
            make_client: Any = boto3.client
            self._clients[service, caller] = make_client(
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
        client, parameters = self._clients[service, caller], self.filled(request, name)
        if method.startswith("wait_until_"):
            waiter = client.get_waiter(method.removeprefix("wait_until_"))
            delay = POLL_SECONDS / self._clock.speed
            attempts = int(WAIT_SECONDS / delay)
            waiter.wait(**parameters, WaiterConfig={"Delay": delay, "MaxAttempts": attempts})
            return {}
        answer: dict[str, Any] = getattr(client, method)(**parameters)
        return answer

    def _call_kennel(self, method: str, request: Any) -> dict[str, Any]:
        """Request a fault, or wait until an endpoint or an execution has the request's members."""
        if method == "faults":
            url = f"{self._url}/kennel/faults"
            httpx.post(url, json=request, headers=self._control).raise_for_status()
            return {}
        call, key = {
            "until": ("sagemaker.describe_endpoint", "EndpointName"),
            "until_execution": ("stepfunctions.describe_execution", "executionArn"),
        }[method]
        self.wait(lambda: differences(request, self.call(call, {key: request[key]}, "")))
        return {}

    def wait(self, differences_now: Callable[[], list[str]]) -> None:
        """Poll on the offline clock until there are no differences."""

        async def poll() -> None:
            async with asyncio.timeout(WAIT_SECONDS):
                while sentences := await asyncio.to_thread(differences_now):
                    last[:] = sentences
                    await self._clock.sleep(POLL_SECONDS)

        last: list[str] = []
        try:
            asyncio.run(poll())
        except TimeoutError:
            raise AssertionError(f"after {WAIT_SECONDS} s: {'; '.join(last)}") from None

    def filled(self, value: Any, name: str) -> Any:
        """Return `value` with $bucket, $role, $api, $key and $name filled in."""
        if isinstance(value, str):
            return Template(value).safe_substitute(self._texts, name=name)
        if isinstance(value, Mapping):
            return {self.filled(key, name): self.filled(each, name) for key, each in value.items()}
        if isinstance(value, list | tuple):
            return [self.filled(each, name) for each in value]
        return value


@pytest.fixture(scope="module")
def caller(bare_cloud: Cloud) -> Caller:
    caller = Caller(bare_cloud)
    for module in MODULES:
        for call, request in getattr(module, "BEFORE_ALL", ()):
            caller.call(call, request, "")
    return caller


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

    def differences_now() -> list[str]:
        return differences(expected, caller.call(case.call, case.request, name, case.caller))

    if case.eventually:
        caller.wait(differences_now)
    else:
        assert not differences_now()


@pytest.mark.parametrize("case", REQUESTS, ids=lambda case: case.name)
def test_request(bare_cloud: Cloud, case: HttpCase) -> None:
    base = bare_cloud.url if case.whole_path else bare_cloud.api_url
    headers = {
        name: value.replace("$api_key", bare_cloud.api_key) for name, value in case.headers.items()
    }
    answer = httpx.request(
        case.method,
        base + case.path.replace("$api", bare_cloud.stack.resources["Api"].name),
        headers=headers,
        content=case.body,
        timeout=60,
        trust_env=False,
    )
    assert answer.status_code == case.expect_status, answer.text
    assert not differences(case.expect_headers, dict(answer.headers), "headers")
    if case.expect_json is not None:
        assert not differences(case.expect_json, answer.json())


def test_every_case_has_a_source() -> None:
    assert all(re.match(r"https://|botocore: \w+|RFC \d+", case.source) for case in ALL)


def test_every_case_has_a_name_of_its_own() -> None:
    assert len({case.name for case in ALL}) == len(ALL)
