"""API Gateway's reads, by boto3, of a stack that runs."""

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError

from kennel.cloud.cloud import Cloud
from kennel.cloud.runtime.clients import client


@pytest.fixture
def gateway(bare_cloud: Cloud) -> Any:
    return client("apigateway", bare_cloud.url)


def test_the_apis_and_stages_are_those_that_are_served(gateway: Any, bare_cloud: Cloud) -> None:
    (api,) = gateway.get_rest_apis()["items"]
    assert gateway.get_rest_api(restApiId=api["id"])["name"] == api["name"]
    address = f"{bare_cloud.url}/_aws/execute-api/{api['id']}/v1"
    assert bare_cloud.stack.outputs["ApiUrl"] == address  # at which it answers here
    assert api["createdDate"] <= datetime.now(UTC)
    assert "image/*" in api["binaryMediaTypes"]
    (stage,) = gateway.get_stages(restApiId=api["id"])["item"]
    assert bare_cloud.api_url.endswith(f"/{stage['stageName']}")
    settings = stage["methodSettings"]["*/*"]
    assert (settings["throttlingRateLimit"], settings["throttlingBurstLimit"]) == (1.0, 1)
    same = gateway.get_stage(restApiId=api["id"], stageName=stage["stageName"])
    assert same["methodSettings"] == stage["methodSettings"]


def test_an_account_without_http_apis_has_an_empty_list_of_them(bare_cloud: Cloud) -> None:
    assert client("apigatewayv2", bare_cloud.url).get_apis()["Items"] == []


def test_a_key_has_its_value_where_it_is_asked_for(gateway: Any, bare_cloud: Cloud) -> None:
    key_id = bare_cloud.stack.outputs["ApiKeyId"]
    assert gateway.get_api_key(apiKey=key_id, includeValue=True)["value"] == bare_cloud.api_key
    assert "value" not in gateway.get_api_key(apiKey=key_id)
    (key,) = gateway.get_api_keys(includeValues=True)["items"]
    assert (key["id"], key["value"], key["enabled"]) == (key_id, bare_cloud.api_key, True)
    assert "value" not in gateway.get_api_keys()["items"][0]
    assert gateway.get_api_keys(nameQuery="other")["items"] == []
    (api,) = gateway.get_rest_apis()["items"]
    assert key["stageKeys"] == [f"{api['id']}/v1"]


def test_a_plan_has_its_limits_and_counts_the_requests_with_its_key(
    gateway: Any, bare_cloud: Cloud
) -> None:
    (plan,) = gateway.get_usage_plans(keyId=bare_cloud.stack.outputs["ApiKeyId"])["items"]
    assert plan["throttle"] == {"burstLimit": 1, "rateLimit": 1.0}
    assert plan["quota"] == {"limit": 10000, "offset": 0, "period": "DAY"}
    assert gateway.get_usage_plan(usagePlanId=plan["id"])["quota"] == plan["quota"]
    (key,) = gateway.get_usage_plan_keys(usagePlanId=plan["id"])["items"]
    assert key["value"] == bare_cloud.api_key
    today = datetime.now(UTC).date().isoformat()

    def usage() -> Any:
        answer = gateway.get_usage(usagePlanId=plan["id"], startDate=today, endDate=today)
        return answer["items"][key["id"]]

    ((used, remaining),) = usage()
    assert used + remaining == 10000
    headers = {"content-type": "image/jpeg"}
    url = f"{bare_cloud.api_url}/classify"
    assert httpx.post(url, headers=headers, content=b"x").status_code == 403
    assert usage() == [[used, remaining]]
    statuses: list[int] = []
    while not statuses or statuses[-1] == 429:  # the plan allows one request a second
        keyed = headers | {"x-api-key": bare_cloud.api_key}
        statuses.append(httpx.post(url, headers=keyed, content=b"x", timeout=30).status_code)
    assert usage() == [[used + 1, remaining - 1]]


def test_a_call_that_needs_the_service_to_change_is_refused_by_name(gateway: Any) -> None:
    with pytest.raises(ClientError, match=r"NotImplementedOffline.*apigateway:CreateApiKey"):
        gateway.create_api_key(name="mine")


def test_a_role_needs_apigateway_get(bare_cloud: Cloud) -> None:
    with pytest.raises(ClientError, match=r"apigateway:GET on resource: .*::/restapis"):
        client("apigateway", bare_cloud.url, "TrainingRole").get_rest_apis()


@pytest.mark.parametrize(
    ("method", "parameters", "code"),
    [
        ("get_rest_api", {"restApiId": "other"}, "NotFoundException"),
        ("get_stages", {"restApiId": "other"}, "NotFoundException"),
        ("get_stage", {"restApiId": "bare-Api", "stageName": "other"}, "NotFoundException"),
        ("get_api_key", {"apiKey": "other"}, "NotFoundException"),
        ("get_usage_plan", {"usagePlanId": "other"}, "NotFoundException"),
        ("get_usage_plan_keys", {"usagePlanId": "other"}, "NotFoundException"),
        ("get_api_keys", {"position": "x"}, "BadRequestException"),
        (
            "get_usage",
            {"usagePlanId": "bare-UsagePlan", "startDate": "2026-02-30", "endDate": "2026-03-01"},
            "BadRequestException",
        ),
        (
            "get_usage",
            {"usagePlanId": "bare-UsagePlan", "startDate": "2026-03-02", "endDate": "2026-03-01"},
            "BadRequestException",
        ),
    ],
)
def test_what_does_not_exist_is_refused(
    gateway: Any, bare_cloud: Cloud, method: str, parameters: dict[str, Any], code: str
) -> None:
    resources = bare_cloud.stack.resources
    ids = {f"bare-{name}": resources[name].name for name in ("Api", "UsagePlan")}
    with pytest.raises(ClientError) as refused:
        getattr(gateway, method)(**{key: ids.get(each, each) for key, each in parameters.items()})
    assert refused.value.response["Error"]["Code"] == code
