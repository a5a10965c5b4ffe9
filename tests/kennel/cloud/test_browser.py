"""A running cloud as a web page of any origin reaches it: by requests without a preflight.

https://fetch.spec.whatwg.org/#cors-safelisted-method
"""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from moto.moto_api._internal.urls import url_paths

from kennel.cloud.cloud import Cloud
from kennel.cloud.origins import TOKEN_HEADER
from kennel.cloud.runtime.clients import client

CONTROL = ["clock", "faults", "delete-stack", "sns/bare-GuardFunction", "custom/x", "stop", ""]
SERVICES = [
    "/",
    "/?Action=DeleteRole&RoleName=bare-ClassifyRole&Version=2010-05-08",
    "/2015-03-31/functions/bare-RemovalFunction/invocations",
    "/endpoints/kennel/invocations",
    "/bare-bucket?delete",
    "/bare-bucket/key?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=0"
    "&X-Amz-Credential=kennel-operator/20260101/us-east-1/s3/aws4_request",
]
MOTO = [path.removeprefix("{0}").rstrip("$") for path in url_paths]
BODIES = {
    "text/plain": b'{"skip": 86400, "keep": false, "Message": "m", "TopicArn": "t"}',
    "application/x-www-form-urlencoded": b"Action=DeleteRole&RoleName=bare-ClassifyRole",
    "multipart/form-data; boundary=x": b"--x--",
}


@pytest.fixture(scope="module")
def web() -> Iterator[httpx.Client]:
    with httpx.Client() as made:  # making one takes longer than a request
        yield made


@pytest.fixture(scope="module")
def iam(bare_cloud: Cloud) -> Any:
    return client("iam", bare_cloud.url)


@pytest.mark.parametrize("path", [*(f"/kennel/{each}" for each in CONTROL), *SERVICES, *MOTO])
@pytest.mark.parametrize("origin", ["https://evil.example", "null"])
def test_a_simple_request_of_a_page_does_nothing(
    bare_cloud: Cloud, web: httpx.Client, iam: Any, path: str, origin: str
) -> None:
    before = bare_cloud.clock.now()
    for content_type, body in BODIES.items():
        for method in ("POST", "GET"):
            answer = web.request(
                method,
                bare_cloud.url + path,
                content=body if method == "POST" else None,
                headers={"origin": origin, "content-type": content_type},
            )
            assert 400 <= answer.status_code < 500, answer.text
            assert "access-control-allow-origin" not in answer.headers
    assert bare_cloud.clock.now() - before < 3600
    roles = iam.list_roles()["Roles"]
    assert "bare-ClassifyRole" in [each["RoleName"] for each in roles]


@pytest.mark.parametrize("header", ["authorization", "x-amz-target", TOKEN_HEADER])
@pytest.mark.parametrize("path", ["/", "/kennel/clock", "/bare-bucket/key", "/v1/", "/v1/classify"])
def test_no_preflight_allows_a_signature_or_the_token(
    bare_cloud: Cloud, web: httpx.Client, path: str, header: str
) -> None:
    answer = web.options(
        bare_cloud.url + path,
        headers={
            "origin": "https://evil.example",
            "access-control-request-method": "POST",
            "access-control-request-headers": header,
        },
    )
    allowed = answer.headers.get("access-control-allow-headers", "").lower()
    assert header not in allowed
    assert "*" not in allowed


def test_a_program_with_the_token_may(bare_cloud: Cloud) -> None:
    url, token = f"{bare_cloud.url}/kennel/clock", {TOKEN_HEADER: bare_cloud.control_token}
    assert httpx.get(url, headers=token).status_code == 200
    assert httpx.get(f"{bare_cloud.url}/kennel/health").json() == {"ok": True}
    page = {**token, "origin": "https://evil.example"}
    assert httpx.get(url, headers=page).status_code == 403
    rebound = {**token, "host": "evil.example"}
    assert httpx.get(url, headers=rebound).status_code == 403
