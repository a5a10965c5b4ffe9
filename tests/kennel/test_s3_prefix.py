"""Prefixes in S3 are read from addresses, and the objects below them listed."""

import pytest

from kennel.cloud.runtime.clients import client
from kennel.errors import KennelError
from kennel.s3_prefix import S3Prefix


@pytest.mark.parametrize(
    ("uri", "prefix"),
    [
        ("s3://photos/batch/walk/", S3Prefix("photos", "batch/walk/")),
        ("s3://photos/", S3Prefix("photos", "")),
    ],
)
def test_an_address_is_read_and_written(uri: str, prefix: S3Prefix) -> None:
    assert S3Prefix.read(uri) == prefix
    assert prefix.uri == uri


@pytest.mark.parametrize("uri", ["photos/batch", "https://photos/batch", "s3:///batch"])
def test_another_address_is_refused(uri: str) -> None:
    with pytest.raises(KennelError, match="is no prefix in S3: expected s3://bucket/prefix"):
        S3Prefix.read(uri)


def test_keys_below_the_prefix_only(account: str) -> None:
    s3 = client("s3", account)
    s3.create_bucket(Bucket="photos")
    for key in ("batch/a.jpg", "batch/deep/b.jpg", "data/c.jpg"):
        s3.put_object(Bucket="photos", Key=key, Body=b"x")
    assert S3Prefix("photos", "batch/").keys(s3) == ["batch/a.jpg", "batch/deep/b.jpg"]
    with pytest.raises(KennelError, match="there is no bucket none"):
        S3Prefix("none", "").keys(s3)
