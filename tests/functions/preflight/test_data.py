from typing import TYPE_CHECKING, Any, cast

import pytest

from preflight.data import find_photos, photo_problems
from tests.functions.aws_account import BUCKET, Account, paginator

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client


def photos_of(*keys: str) -> Any:
    account = Account()
    account.objects |= dict.fromkeys(keys, b"")
    return find_photos(account.s3, BUCKET)


def test_splits_become_channels() -> None:
    photos = photos_of(
        "data/",
        "data/train/",
        "data/train/beagle/1.jpg",
        "data/train/beagle/2.jpg",
        "data/train/boxer/1.jpg",
        "data/test/boxer/2.jpg",
        "data/notes.txt",
        "elsewhere/pug/1.jpg",
    )
    assert photos.count == 4
    assert photos.channels == {"train": "data/train/", "test": "data/test/"}
    assert photos.summary()["breeds"] == 2
    assert list(photo_problems(photos)) == []


def test_flat_folder_is_one_channel_that_training_splits() -> None:
    photos = photos_of("data/beagle/1.jpg", "data/boxer/1.jpg")
    assert photos.channels == {"train": "data/"}
    assert list(photo_problems(photos)) == []


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        (["data/train/beagle/1.jpg"], "photos of 1 breed to train on (beagle)"),
        (
            ["data/train/a/1.jpg", "data/train/b/1.jpg", "data/test/c/1.jpg"],
            "data/test/ has c, which data/train/ lacks",
        ),
    ],
)
def test_problems_of_the_photos(keys: list[str], words: str) -> None:
    (problem,) = photo_problems(photos_of(*keys))
    assert words in problem


def test_all_pages_are_read() -> None:
    class FakeS3:
        def get_paginator(self, method: str) -> Any:
            return paginator(self, "s3", method)

        def list_objects_v2(self, **request: Any) -> dict[str, Any]:
            if "ContinuationToken" not in request:
                first = [{"Key": "data/beagle/1.jpg"}]
                return {"Contents": first, "IsTruncated": True, "NextContinuationToken": "more"}
            assert request["ContinuationToken"] == "more"
            return {"Contents": [{"Key": "data/boxer/1.jpg"}], "IsTruncated": False}

    assert find_photos(cast("S3Client", FakeS3()), BUCKET).count == 2
