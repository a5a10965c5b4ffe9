"""What an attacker tries at the API, a row each; the rows that need no whole cloud are elsewhere.

a key of another stage       tests/kennel/cloud/apigateway/test_usage.py
a slow body                  tests/kennel/cloud/test_gateway.py, tests/model/test_slow_body.py
forms and boundaries         tests/functions/classify/test_form.py
gzip bombs, odd JSON         tests/functions/classify/test_request.py
broken photos                tests/functions/classify/test_photo.py
keys and photos in the log   tests/functions/classify/test_app.py
pages that call AWS's APIs   tests/kennel/cloud/test_browser.py
"""

import gzip
import json
from urllib.parse import urlsplit

import httpx
import pytest

from kennel.cloud.cloud import Cloud
from kennel.demo import samples
from kennel.paths import ROOT
from page.routes import METHODS
from tests.raw_http import exchange, post

LEAKS = ("Traceback", ".py", "arn:", "/var/", str(ROOT))


def sent(cloud: Cloud, body: bytes = b"x", query: str = "", **headers: str) -> httpx.Response:
    """Post to /classify with the key, unless a header replaces it."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    named = {"x-api-key": cloud.api_key, "content-type": "image/jpeg"} | named
    url = f"{cloud.api_url}/classify{query}"
    return httpx.post(url, content=body, headers=named, timeout=30)


def is_refused(answer: httpx.Response, status: int, says: str = "") -> None:
    """Check a problem document that can be traced and gives nothing away."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    document = answer.json()
    assert document["status"] == status
    assert says in document["detail"]
    assert document["request_id"] == answer.headers["x-amzn-requestid"]
    assert not [leak for leak in LEAKS if leak in answer.text]


@pytest.mark.parametrize(
    ("headers", "query"),
    [
        ({"x_api_key": ""}, ""),
        ({"x_api_key": "wrong"}, ""),
        ({"x_api_key": "'; DROP TABLE keys; --"}, ""),
        ({"x_api_key": "*"}, ""),
        ({"x_api_key": "KEY, KEY"}, ""),
        ({"x_api_key": "KEYx"}, ""),
        ({"x_api_key": ""}, "?x-api-key=KEY"),
        ({"x_api_key": ""}, "?api_key=KEY&key=KEY"),
        ({"x_api_key": "", "authorization": "Bearer KEY"}, ""),
        ({"x_api_key": "", "cookie": "x-api-key=KEY"}, ""),
        ({"x_api_key": "", "x_http_method_override": "GET"}, ""),
        ({"x_api_key": "", "x_forwarded_for": "127.0.0.1", "x_original_url": "/breeds"}, ""),
    ],
)
def test_without_the_key_in_its_header_nothing_is_classified(
    cloud: Cloud, headers: dict[str, str], query: str
) -> None:
    key = cloud.api_key
    named = {name: value.replace("KEY", key) for name, value in headers.items()}
    is_refused(sent(cloud, b"x", query.replace("KEY", key), **named), 403, "API key")


@pytest.mark.parametrize("size", [4_500_001, 5_000_000, 10_500_000])
def test_an_oversized_body_is_refused(cloud: Cloud, size: int) -> None:
    is_refused(sent(cloud, bytes(size)), 413, "4,500,000")


@pytest.mark.parametrize(
    "path",
    [
        *("/v1/../v1/classify", "/v1/%2e%2e/v1/classify", "/v1/classify/..", "/v1//classify"),
        *("/v1/classify/x", "/v1/classify%00", "/v1/classify%2f..%2fbreeds", "/v1/classify;x=y"),
        *("/v1/CLASSIFY", "/V1/classify", "/v1/\\classify", "//evil.example/v1/classify"),
        *(
            "/v1/classify/",
            "/kennel/../v1/classify",
            "/v1/classify?/../../breeds",
            "/%76%31/classify",
        ),
    ],
)
def test_no_path_leads_around_the_key(cloud: Cloud, path: str) -> None:
    port = urlsplit(cloud.url).port or 0
    photo = samples()[0].photo.read_bytes()
    (answer,) = exchange(port, [post(port, path, b"content-type: image/jpeg\r\n", photo)])
    assert 400 <= answer.status < 500, answer


@pytest.mark.parametrize(
    "headers",
    [
        b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        b"Content-Length: 5\r\nContent-Length: 6\r\n",
        b"Content-Length: -1\r\n",
        b"Content-Length: 5\r\nx-padding: " + b"x" * 100_000 + b"\r\n",
        b"Content-Length: 5\r\nTransfer-Encoding: gzip\r\n",
        b"Content-Length: 5\r\nbad header: x\r\n",
        b"Content-Length: 5\r\nx-api-key : KEY\r\n",
        b"Content-Length: 5\r\nx-nul: a\0b\r\n",
    ],
)
def test_a_request_that_two_servers_may_read_differently_is_refused(
    cloud: Cloud, headers: bytes
) -> None:
    port = urlsplit(cloud.url).port or 0
    head = b"POST /v1/classify HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    (answer,) = exchange(port, [head + headers + b"\r\n0\r\n\r\n"])
    assert 400 <= answer.status < 500, answer


def test_a_client_does_not_choose_the_id_of_its_request(cloud: Cloud) -> None:
    chosen = 'x", "status": 200, "y": "'
    for name in ("x-amzn-requestid", "x-request-id", "x-amz-apigw-id"):
        answer = sent(cloud, b"x", "", **{name: chosen})
        is_refused(answer, 400)
        assert chosen not in answer.text


PHOTO = samples()[0].photo.read_bytes() if samples() else b""


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"<script>alert(1)</script>", "image/jpeg", 400),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>", "image/svg+xml", 415),
        (b"GIF89a<script>", "image/jpeg", 415),
        (b"%PDF-1.7", "image/png", 415),
        (b"%!PS-Adobe-3.0 EPSF", "image/jpeg", 400),  # Ghostscript's
        (b'push graphic-context\nurl("http://x")', "image/jpeg", 400),  # ImageMagick's
        (b"http://169.254.169.254/latest/meta-data/", "image/jpeg", 400),
        (PHOTO, "application/json", 400),
        (PHOTO, "multipart/form-data; boundary=x", 400),
        (PHOTO, "text/html", 415),
        (PHOTO, "image/jpeg" + "x" * 4_000, 200),  # an image type, whatever its name
        (b'{"image": "http://169.254.169.254/"}', "application/json", 400),
        (b'{"url": "file:///etc/passwd"}', "application/json", 400),
    ],
)
def test_the_bytes_decide_and_not_the_content_type(
    cloud: Cloud, body: bytes, content_type: str, status: int
) -> None:
    answer = sent(cloud, body, content_type=content_type)
    if status == 200:
        assert answer.status_code == 200
    else:
        is_refused(answer, status)


@pytest.mark.parametrize(
    "body",
    [
        *(b"[" * 1_000_000, b'{"image":' * 200_000, b"9" * 1_000_000, b'{"image": 1e999999999}'),
        *(b'{"image": "\\ud800"}', b'{"image": "' + b"\\u0041" * 500_000 + b'"'),
        json.dumps(dict.fromkeys(map(str, range(100_000)))).encode(),
        b'{"__proto__": {}, "constructor": {}}',
    ],
)
def test_a_json_bomb_is_a_bad_request(cloud: Cloud, body: bytes) -> None:
    is_refused(sent(cloud, body, content_type="application/json"), 400, "image")


def test_a_gzip_bomb_is_too_large(cloud: Cloud) -> None:
    bomb = gzip.compress(bytes(200_000_000), 1)
    is_refused(sent(cloud, bomb, content_encoding="gzip"), 413, "when unpacked")


@pytest.mark.parametrize("name", ["<script>alert(1)</script>.jpg", "../../etc/passwd", "a\0b", ""])
def test_a_file_name_never_comes_back(cloud: Cloud, name: str) -> None:
    url, headers = f"{cloud.api_url}/classify", {"x-api-key": cloud.api_key}
    good = httpx.post(url, files={"<script>": (name or "x", PHOTO)}, headers=headers, timeout=30)
    assert (good.status_code, "script" in good.text) == (200, False)
    both = [("a", (name, b"no photo")), ("b", (name, b"no photo"))]
    is_refused(httpx.post(url, files=both, headers=headers), 400, "one photo")


@pytest.mark.parametrize("query", ["?top=1e9", "?top=0", "?top=<script>", "?explain=%0d%0aX:1"])
def test_a_query_is_checked_before_the_photo(cloud: Cloud, query: str) -> None:
    is_refused(sent(cloud, PHOTO, query), 400, "expected")


@pytest.mark.parametrize("path", [*METHODS, "/nothing"])
@pytest.mark.parametrize("method", ["OPTIONS", "GET", "HEAD", "POST", "PUT", "DELETE", "TRACE"])
@pytest.mark.parametrize("origin", ["https://evil.example", "null"])
def test_no_page_of_another_origin_may_read_an_answer(
    cloud: Cloud, path: str, method: str, origin: str
) -> None:
    asked = {"origin": origin, "access-control-request-method": "POST"}
    answer = httpx.request(method, f"{cloud.api_url}{path}", headers=asked)
    assert not [name for name in answer.headers if name.startswith("access-control-")]
    assert answer.headers["x-amzn-requestid"]
    if path in METHODS and method not in METHODS[path]:
        assert answer.status_code == 405
        assert answer.headers["allow"] == ", ".join(METHODS[path])
    elif method == "OPTIONS" and path in METHODS:
        assert (answer.status_code, answer.text) == (204, "")


@pytest.mark.parametrize("accept", ["text/html", "application/xml", "image/png", "x", "*/*;q=0"])
def test_answers_are_json_whatever_is_accepted(cloud: Cloud, accept: str) -> None:
    answer = sent(cloud, PHOTO, accept=accept)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert answer.headers["x-content-type-options"] == "nosniff"
    is_refused(sent(cloud, accept=accept), 400)
    is_refused(sent(cloud, accept=accept, x_api_key=""), 403)


def test_a_packed_photo_gets_the_same_answer(cloud: Cloud) -> None:
    packed = sent(cloud, gzip.compress(PHOTO), content_encoding="gzip").json()
    assert packed["breeds"] == sent(cloud, PHOTO).json()["breeds"]
