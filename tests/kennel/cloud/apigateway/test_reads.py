"""GetRestApis, GetApiKeys and the like, while APIs, keys and plans are created and deleted."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request

from kennel.cloud.apigateway.api import ApiGatewayReads
from kennel.cloud.cloudformation.deployed import DeployedResources
from kennel.cloud.iam.requests import ApiCall
from kennel.cloud.runtime.errors import ServiceError
from tests.kennel.cloud.apigateway.projects import BY_RESOURCES, HTTP, REST
from tests.kennel.cloud.apigateway.serving import Served, echo, read
from tests.kennel.cloud.apigateway.test_usage import stack as with_keys


@pytest.fixture
def served() -> Served:
    return Served(DeployedResources(), echo)


def asked(served: Served, operation: str, service: str = "apigateway", **parameters: Any) -> Any:
    reads = ApiGatewayReads(served.resources, served.apis, served.plans)
    call = ApiCall(service, operation, parameters)
    response = asyncio.run(reads(Request({"type": "http"}), call))
    return json.loads(bytes(response.body))


def test_every_api_is_listed_with_its_stages_and_paths(served: Served, tmp_path: Path) -> None:
    served.put(read(REST, tmp_path, "one"))
    served.put(read(BY_RESOURCES, tmp_path, "two"))
    apis = asked(served, "GetRestApis")["item"]
    assert [each["name"] for each in apis] == ["one", "by resources"]
    stages = asked(served, "GetStages", restApiId=apis[1]["id"])["item"]
    assert [each["stageName"] for each in stages] == ["green", "blue"]
    assert stages[0]["variables"] == {"color": "green"}
    resources = asked(served, "GetResources", restApiId=apis[1]["id"])["item"]
    assert {each["path"]: list(each.get("resourceMethods", {})) for each in resources} == {
        "/": ["ANY"],
        "/dogs": [],
        "/dogs/{id}": ["GET"],
    }
    served.remove(read(REST, tmp_path, "one"))
    assert len(asked(served, "GetRestApis")["item"]) == 1
    with pytest.raises(ServiceError, match="Invalid API identifier specified"):
        asked(served, "GetRestApi", restApiId="one-Api")


def test_http_apis_are_read_by_the_second_api(served: Served, tmp_path: Path) -> None:
    served.put(read(HTTP, tmp_path))
    (api,) = asked(served, "GetApis", "apigatewayv2")["items"]
    assert (api["name"], api["protocolType"]) == ("tried", "HTTP")
    assert api["apiEndpoint"] == "https://tried-Web.execute-api.us-east-1.amazonaws.com"
    assert asked(served, "GetApi", "apigatewayv2", ApiId="tried-Web")["apiId"] == "tried-Web"
    stages = asked(served, "GetStages", "apigatewayv2", ApiId="tried-Web")["items"]
    assert [each["stageName"] for each in stages] == ["$default", "prod"]
    stage = asked(served, "GetStage", "apigatewayv2", ApiId="tried-Web", StageName="$default")
    assert (stage["autoDeploy"], stage["stageVariables"]) == (True, {"table": "dogs"})
    routes = asked(served, "GetRoutes", "apigatewayv2", ApiId="tried-Web")["items"]
    assert {"GET /dogs/{id}", "POST /old", "$default"} <= {each["routeKey"] for each in routes}
    for operation, parameters in (("GetApi", {}), ("GetStage", {"StageName": "x"})):
        with pytest.raises(ServiceError, match="Invalid API identifier"):
            asked(served, operation, "apigatewayv2", ApiId="other", **parameters)
    with pytest.raises(ServiceError, match="apigatewayv2:CreateApi; it answers GetApis"):
        asked(served, "CreateApi", "apigatewayv2")


def test_keys_are_listed_with_the_stages_of_their_plans(served: Served, tmp_path: Path) -> None:
    served.put(with_keys(tmp_path))
    keys = asked(served, "GetApiKeys", includeValues=True)["item"]
    assert [each["stageKeys"] for each in keys] == [["tried-Api/dev"], ["tried-Api/dev"], []]
    assert [each["value"] for each in keys[1:]] == ["second-key", "untied-key"]
    tied = asked(served, "GetUsagePlanKeys", usagePlanId="tried-Plan")["item"]
    assert [each["id"] for each in tied] == ["tried-First", "tried-Second"]
    assert asked(served, "GetUsagePlans", keyId="tried-Untied")["item"] == []
    served.client.get("/dev/closed", headers={"x-api-key": "second-key"})
    period = {"usagePlanId": "tried-Plan", "startDate": "2026-01-01", "endDate": "2026-01-02"}
    usage = asked(served, "GetUsage", **period)["values"]
    assert usage == {"tried-First": [[0, 100], [0, 100]], "tried-Second": [[0, 100], [0, 100]]}
    assert list(asked(served, "GetUsage", **period, keyId="tried-First")["values"]) == [
        "tried-First"
    ]
