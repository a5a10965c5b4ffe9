"""The gateway's port, as clients reach it that boto3 and httpx are not."""

import json
import logging
import socket
import time
from urllib.parse import urlsplit

import pytest

from kennel.cloud.cloud import Cloud
from kennel.cloud.iam.identity import OPERATOR_KEY
from kennel.cloud.runtime.clients import client
from kennel.demo import samples
from tests.raw_http import EXPECT, JAVA, WEBSOCKET, exchange, post


def port_of(cloud: Cloud) -> int:
    port = urlsplit(cloud.url).port
    assert port
    return port


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize(
    "headers", [b"", JAVA, WEBSOCKET, b"Connection: Upgrade\r\nUpgrade: TLS/1.0\r\n", JAVA + EXPECT]
)
def test_a_photo_arrives_whole_whatever_upgrade_is_asked_for(
    cloud: Cloud, headers: bytes, chunked: bool
) -> None:
    photo = samples()[0].photo.read_bytes()
    headers += b"x-api-key: %b\r\ncontent-type: image/jpeg\r\n" % cloud.api_key.encode()
    request = post(port_of(cloud), "/v1/classify", headers, photo, chunked=chunked)
    first, second = exchange(port_of(cloud), [request, request], answers=2)
    for answer in (first, second):
        assert answer.status == 200, answer.body
        assert json.loads(answer.body)["is_dog"]


def test_an_object_in_chunks_arrives_whole_behind_the_gateway(cloud: Cloud) -> None:
    bucket = cloud.stack.outputs["BucketName"]
    scope = f"{OPERATOR_KEY}/20260101/us-east-1/s3/aws4_request"
    signature = f"Authorization: AWS4-HMAC-SHA256 Credential={scope}, Signature=0\r\n"
    request = post(port_of(cloud), f"/{bucket}/tried/raw", JAVA + signature.encode(), b"x" * 99_999)
    put = request.replace(b"POST", b"PUT", 1)
    (answer,) = exchange(port_of(cloud), [put[:50], put[50:300], put[300:]])
    assert answer.status == 200, answer.body
    body = client("s3", cloud.url).get_object(Bucket=bucket, Key="tried/raw")["Body"].read()
    assert body == b"x" * 99_999


@pytest.mark.parametrize(
    "key", ["a/../b", "./a", "a//b", "100% what?#.jpg", "%41%2F", "ü 犬", "q?uploads", "[x]+&="]
)
def test_a_key_is_the_one_that_was_authorised(cloud: Cloud, key: str) -> None:
    bucket, s3 = cloud.stack.outputs["BucketName"], client("s3", cloud.url)
    s3.put_object(Bucket=bucket, Key=f"batch/{key}", Body=key.encode())
    listed = s3.list_objects_v2(Bucket=bucket, Prefix=f"batch/{key}")["Contents"]
    assert f"batch/{key}" in [each["Key"] for each in listed]
    as_role = client("s3", cloud.url, "ModelRole")
    assert as_role.get_object(Bucket=bucket, Key=f"batch/{key}")["Body"].read() == key.encode()


@pytest.mark.parametrize(
    "request_line", [b"CONNECT evil.example:443", b"OPTIONS *", b"PRI *", b"GET http://x/v1/"]
)
def test_a_request_that_names_no_path_gets_a_client_error(
    cloud: Cloud, request_line: bytes
) -> None:
    (answer,) = exchange(port_of(cloud), [request_line + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"])
    assert 400 <= answer.status < 500


@pytest.mark.parametrize(
    "headers",
    [
        b"",
        b"Authorization: AWS4-HMAC-SHA256 Credential=kennel-operator/20260101/us-east-1/s3"
        b"/aws4_request, Signature=0\r\n",
    ],
)
def test_an_aborted_upload_prints_nothing(
    cloud: Cloud, headers: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    uvicorn_log = logging.getLogger("uvicorn.error")  # which is not propagated
    uvicorn_log.addHandler(caplog.handler)
    key = b"x-api-key: %b\r\ncontent-type: image/jpeg\r\n" % cloud.api_key.encode()
    for path in ("/v1/classify", f"/{cloud.stack.outputs['BucketName']}/k", "/kennel/clock"):
        request = post(port_of(cloud), path, headers + key, b"x" * 100_000)
        for method in (b"POST", b"PUT"):
            with socket.create_connection(("127.0.0.1", port_of(cloud)), 10) as connection:
                connection.sendall(request.replace(b"POST", method, 1)[:50_000])
                time.sleep(0.05)
    time.sleep(0.5)
    uvicorn_log.removeHandler(caplog.handler)
    assert caplog.records == []
