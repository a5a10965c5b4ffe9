import io
import json
from typing import TYPE_CHECKING, Any, cast

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from common.problem import Unavailable
from page.breeds import KEY, live_breeds

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client

PUBLISHED = [{"breed": "Pug", "synset": "n2"}, {"breed": "Affenpinscher", "synset": "n1"}]


class FakeS3:
    """An S3 client whose GetObject has one outcome."""

    def __init__(self, outcome: Exception | bytes) -> None:
        self.outcome = outcome
        self.requests: list[tuple[str, str]] = []

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        self.requests.append((Bucket, Key))
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return {"Body": io.BytesIO(self.outcome)}


def breeds_of(fake: FakeS3) -> list[str]:
    return live_breeds(cast("S3Client", fake), "bucket")


def client_error(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "arn:aws:s3:::bucket"}}, "GetObject")


def test_names_are_in_alphabetical_order() -> None:
    fake = FakeS3(json.dumps(PUBLISHED).encode())
    assert breeds_of(fake) == ["Affenpinscher", "Pug"]
    assert fake.requests == [("bucket", KEY)]


@pytest.mark.parametrize("code", ["NoSuchKey", "AccessDenied"])
def test_missing_list_is_unavailable(code: str) -> None:
    # S3 returns AccessDenied for a missing object if the role may not list the bucket.
    with pytest.raises(Unavailable, match="No model is live yet") as caught:
        breeds_of(FakeS3(client_error(code)))
    assert caught.value.headers == {"Retry-After": "30"}


def test_s3_that_cannot_be_reached_is_unavailable() -> None:
    with pytest.raises(Unavailable, match="just now"):
        breeds_of(FakeS3(EndpointConnectionError(endpoint_url="https://s3")))


def test_missing_bucket_is_an_error() -> None:
    with pytest.raises(ClientError):
        breeds_of(FakeS3(client_error("NoSuchBucket")))


@pytest.mark.parametrize("body", [b"", b"{}]", b'[{"name": "Pug"}]'])
def test_broken_list_is_an_error(body: bytes) -> None:
    with pytest.raises((ValueError, KeyError)):
        breeds_of(FakeS3(body))
