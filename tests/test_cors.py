"""The API of a stack that allows one origin; test_attacks.py asks one that allows none."""

import httpx
import pytest

from tests.conftest import StartCloud

ORIGIN = "https://example.com"


@pytest.mark.slow
def test_pages_of_the_allowed_origin_read_every_answer(start_cloud: StartCloud) -> None:
    with start_cloud(parameters={"AllowedOrigin": ORIGIN}, stack_name="open") as cloud:
        key = {"x-api-key": cloud.api_key}
        for method, path, headers, status in (
            ("OPTIONS", "/classify", {"access-control-request-method": "POST"}, 204),
            ("POST", "/classify", {}, 403),
            ("POST", "/classify", key, 400),
            ("GET", "/classify", {}, 405),
            ("GET", "/nothing", {}, 404),
            ("GET", "/", {}, 200),
            ("GET", "/breeds", {}, 503),
        ):
            url = f"{cloud.api_url}{path}"
            answer = httpx.request(method, url, headers={"origin": ORIGIN, **headers})
            assert answer.status_code == status
            assert answer.headers["access-control-allow-origin"] == ORIGIN
            assert "Retry-After" in answer.headers["access-control-expose-headers"]
            if method == "OPTIONS":
                assert "POST" in answer.headers["access-control-allow-methods"]
                assert "X-Api-Key" in answer.headers["access-control-allow-headers"]
