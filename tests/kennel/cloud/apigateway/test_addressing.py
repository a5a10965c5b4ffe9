"""Requests to APIs that come and go, in every form of an address."""

from pathlib import Path

from starlette.requests import Request
from starlette.testclient import TestClient

from kennel.cloud.cloudformation.deployed import DeployedResources
from tests.kennel.cloud.apigateway.projects import BY_RESOURCES, HTTP, REST
from tests.kennel.cloud.apigateway.serving import Served, echo, read


def called(client: TestClient, path: str, host: str = "api") -> str:
    """Return the id of the API that answers a request, or the message of another answer."""
    answer = client.get(path, headers={"host": host}).json()
    return str(
        answer["requestContext"]["apiId"] if "requestContext" in answer else answer["message"]
    )


def test_an_api_is_called_by_its_host_by_its_id_and_by_its_stage(tmp_path: Path) -> None:
    client = Served(read(REST, tmp_path), echo).client
    for path, host in (
        ("/dev/dogs", "tried-Api.execute-api.us-east-1.amazonaws.com"),
        ("/dev/dogs", "tried-api.execute-api.localhost.localstack.cloud:4510"),
        ("/_aws/execute-api/tried-Api/dev/dogs", "localhost:4510"),
        ("/dev/dogs", "localhost:4510"),
    ):
        assert called(client, path, host) == "tried-Api"
    event = client.get("/_aws/execute-api/tried-Api/dev/dogs").json()
    assert (event["path"], event["requestContext"]["path"]) == ("/dogs", "/dev/dogs")


def test_an_id_that_no_api_has_is_named_with_those_that_exist(tmp_path: Path) -> None:
    client = Served(read(REST, tmp_path), echo).client
    sentence = "no API has the id 'other': there are tried-Api"
    assert called(client, "/_aws/execute-api/other/dev/dogs") == sentence
    assert called(client, "/dev/dogs", "other.execute-api.localhost") == sentence
    assert (
        called(Served(DeployedResources(), echo).client, "/dev") == "Missing Authentication Token"
    )


def test_a_stage_that_several_apis_have_is_called_by_the_id(tmp_path: Path) -> None:
    served = Served(DeployedResources(), echo)
    served.put(read(REST, tmp_path, "one"))
    assert called(served.client, "/dev/dogs") == "one-Api"
    served.put(read(REST, tmp_path, "two"))
    answer = served.client.get("/dev/dogs")
    assert answer.status_code == 409
    assert "(one-Api, two-Api)" in answer.json()["message"]
    assert "/_aws/execute-api/one-Api/dev/..." in answer.json()["message"]
    assert called(served.client, "/_aws/execute-api/two-Api/dev/dogs") == "two-Api"
    assert served.apis.path() == "/_aws/execute-api/one-Api/dev"
    served.remove(read(REST, tmp_path, "one"))
    assert called(served.client, "/dev/dogs") == "two-Api"
    assert served.apis.path() == "/dev"


def test_the_only_http_api_has_the_root_but_for_the_stages_of_rest_apis(tmp_path: Path) -> None:
    served = Served(DeployedResources(), echo)
    served.put(read(HTTP, tmp_path, "one"))
    assert served.apis.path() == ""
    assert called(served.client, "/dev/dogs") == "one-Web"
    served.put(read(REST, tmp_path, "one"))
    assert called(served.client, "/dev/dogs") == "one-Api"
    assert called(served.client, "/dogs/1") == "one-Web"
    assert called(served.client, "/_aws/execute-api/one-Web/dev/dogs") == "one-Web"
    served.put(read(HTTP, tmp_path, "two"))
    assert "(one-Web, two-Web)" in called(served.client, "/dogs/1")


def test_an_http_api_without_a_default_stage_answers_its_stages_alone(tmp_path: Path) -> None:
    served = Served(read(BY_RESOURCES, tmp_path), echo)
    event = served.client.get("/live/cats/7").json()
    assert (event["rawPath"], event["routeKey"]) == ("/live/cats/7", "GET /cats/{id}")
    assert called(served.client, "/cats/7") == "Not Found"
    assert called(served.client, "/live/dogs") == "Not Found"


def test_an_api_of_single_resources_is_served_like_a_body(tmp_path: Path) -> None:
    served = Served(read(BY_RESOURCES, tmp_path), echo)
    event = served.client.get("/green/dogs/7").json()
    assert (event["resource"], event["pathParameters"]) == ("/dogs/{id}", {"id": "7"})
    assert served.client.get("/blue/dogs/7").json()["stageVariables"] == {"color": "blue"}
    named = [each.rpartition(":")[2] for each in served.functions.invoked]
    assert named == ["echo-green", "echo-blue"]  # a stage variable chose it
    mock = served.client.delete("/green")
    assert (mock.status_code, mock.headers["x-mock"], mock.json()) == (201, "yes", {"ok": True})
    assert served.client.get("/green/dogs").status_code == 404  # as its gateway response says


def test_a_changed_api_is_live_at_once(tmp_path: Path) -> None:
    served = Served(DeployedResources(), echo)
    served.put(read(REST, tmp_path))
    assert called(served.client, "/dev/cats") == "Missing Authentication Token"
    served.put(read(REST.replace("Path: /dogs}", "Path: /cats}"), tmp_path))
    assert called(served.client, "/dev/cats") == "tried-Api"
    assert called(served.client, "/dev/dogs") == "Missing Authentication Token"


def test_nothing_is_read_again_while_no_resource_changes(tmp_path: Path) -> None:
    served = Served(read(REST, tmp_path), echo)
    before = served.apis.deployed()
    called(served.client, "/dev/dogs")
    assert served.apis.deployed() is before


def test_an_address_is_claimed_where_it_names_an_api(tmp_path: Path) -> None:
    def claims(served: Served, path: str, host: str = "localhost") -> bool:
        scope = {"type": "http", "path": path, "headers": [(b"host", host.encode())]}
        return served.apis.claims(Request(scope))

    rest, http = Served(read(REST, tmp_path), echo), Served(read(HTTP, tmp_path), echo)
    assert claims(rest, "/kennel/clock", "tried-api.execute-api.localhost")
    assert claims(rest, "/_aws/execute-api/tried-Api/dev")
    assert not claims(rest, "/kennel/clock")
    assert not claims(rest, "/")
    assert claims(http, "/")
