"""moto's server in this process, as the gateway and as a web page call it."""

import pytest
from moto.instance_metadata.urls import url_paths as metadata_paths
from moto.moto_api._internal.urls import url_paths as dashboard_paths
from werkzeug.test import Client

from kennel.cloud.moto_backend.app import MotoApp, moto_services
from kennel.cloud.moto_backend.contract import FAILURE_HEADER, HEALTH_PATH

KEY = "the-key"
#: Every path at which moto is no AWS service.
OWN_PATHS = [
    *(path.removeprefix("{0}").rstrip("$") for path in dashboard_paths),
    *("/latest/meta-data/x" for _ in metadata_paths),
    "/favicon.ico",
]


@pytest.fixture(scope="module")
def moto() -> Client:
    return Client(MotoApp(moto_services(), KEY))


def signed(service: str, key: str = KEY, **headers: str) -> dict[str, str]:
    scope = f"{key}/20260101/us-east-1/{service}/aws4_request"
    signature = f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"
    return {"Authorization": signature, **headers}


@pytest.mark.parametrize("path", [*OWN_PATHS, "/", "/bucket/key", "/us-east-1_x/.well-known/x"])
def test_a_web_page_gets_nothing_of_moto(moto: Client, path: str) -> None:
    foreign = {"Origin": "http://evil.example"}
    for headers in (foreign, {**foreign, **signed("s3", "kennel-operator")}):
        for method in ("GET", "POST", "OPTIONS"):
            answer = moto.open(path, method=method, headers=headers, content_type="text/plain")
            assert (answer.status_code, answer.data) == (403, b"")
            assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize("path", OWN_PATHS)
def test_no_service_is_at_motos_own_paths(moto: Client, path: str) -> None:
    target = {"X-Amz-Target": "AmazonSSM.GetParameter"}  # read as a call, its path is not asked
    assert moto.post(path, headers=signed("ssm", **target)).status_code == 501


def test_health_says_what_cannot_be_stored_to_who_has_the_key() -> None:
    problems = ["not stored", ""]
    moto = Client(MotoApp(moto_services(), KEY, problems.pop))
    assert moto.get(HEALTH_PATH).status_code == 403
    assert moto.get(HEALTH_PATH, headers=signed("s3")).status_code == 200
    answer = moto.get(HEALTH_PATH, headers=signed("s3"))
    assert (answer.status_code, answer.text) == (503, "not stored")


def test_a_signed_call_is_answered(moto: Client) -> None:
    assert moto.get("/", headers=signed("s3")).status_code == 200


@pytest.mark.parametrize(
    ("service", "target"),
    [
        ("nothing", "A.B"),
        ("kendra", "AWSKendraFrontendService.ListIndices"),  # a service that moto lacks
        ("logs", "Logs_20140328.ListAnomalies"),  # an operation that moto lacks
    ],
)
def test_what_moto_lacks_is_no_failure(moto: Client, service: str, target: str) -> None:
    headers = signed(service, **{"X-Amz-Target": target})
    answer = moto.post("/", headers=headers, data="{}", content_type="application/x-amz-json-1.1")
    assert (answer.status_code, answer.data) == (501, b"")
    assert FAILURE_HEADER not in answer.headers


def test_an_exception_in_moto_is_named(moto: Client, capsys: pytest.CaptureFixture[str]) -> None:
    headers = signed(
        "monitoring", **{"X-Amz-Target": "GraniteServiceVersion20100801.PutInsightRule"}
    )
    rule = '{"RuleName": "r", "RuleDefinition": "d", "Tags": [{}]}'
    answer = moto.post("/", headers=headers, data=rule, content_type="application/x-amz-json-1.0")
    assert answer.headers[FAILURE_HEADER] == "KeyError('Key')"
    assert "Traceback" in capsys.readouterr().err  # moto's log
