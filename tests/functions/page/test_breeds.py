import io
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from common.problem import Unavailable
from page.breeds import KEY, live_breeds

PUBLISHED = [{"breed": "Pug", "synset": "n2"}, {"breed": "Affenpinscher", "synset": "n1"}]


class Fake:
    """A bucket with one object, or one failure."""

    def __init__(self, outcome: Exception | bytes) -> None:
        self.outcome = outcome
        self.asked: list[tuple[str, str]] = []

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        self.asked.append((Bucket, Key))
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return {"Body": io.BytesIO(self.outcome)}


def refusal(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "arn:aws:s3:::bucket"}}, "GetObject")


def test_the_names_come_in_alphabetical_order() -> None:
    bucket = Fake(json.dumps(PUBLISHED).encode())
    assert live_breeds(bucket, "bucket") == ["Affenpinscher", "Pug"]
    assert bucket.asked == [("bucket", KEY)]


@pytest.mark.parametrize("code", ["NoSuchKey", "AccessDenied"])
def test_before_the_first_release_there_is_nothing_to_list(code: str) -> None:
    # S3 says AccessDenied of a missing object to those who may not list the bucket.
    with pytest.raises(Unavailable, match="No model is live yet") as caught:
        live_breeds(Fake(refusal(code)), "bucket")
    assert caught.value.headers == {"Retry-After": "30"}


def test_an_s3_out_of_reach_is_unavailable() -> None:
    with pytest.raises(Unavailable, match="just now"):
        live_breeds(Fake(EndpointConnectionError(endpoint_url="https://s3")), "bucket")


def test_a_missing_bucket_is_ours_to_mend() -> None:
    with pytest.raises(ClientError):
        live_breeds(Fake(refusal("NoSuchBucket")), "bucket")


@pytest.mark.parametrize("body", [b"", b"{}]", b'[{"name": "Pug"}]'])
def test_a_broken_list_is_a_crash_and_no_empty_answer(body: bytes) -> None:
    with pytest.raises((ValueError, KeyError)):
        live_breeds(Fake(body), "bucket")
