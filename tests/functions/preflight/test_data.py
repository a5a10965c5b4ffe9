from typing import TYPE_CHECKING, Any, cast

import pytest

from preflight.data import Photos, find_photos
from tests.functions.aws_account import BUCKET, Account, paginator

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client


def photos_of(*keys: str) -> Photos:
    account = Account()
    account.objects |= dict.fromkeys(keys, b"x")
    return find_photos(account.s3, BUCKET)


def test_splits_become_channels() -> None:
    photos = photos_of(
        "data/",
        "data/train/",
        "data/train/beagle/1.jpg",
        "data/train/beagle/more/2.jpg",
        "data/train/boxer/1.jpg",
        "data/train/boxer/.DS_Store",
        "data/train/3.jpg",
        "data/test/boxer/2.jpg",
        "data/notes.txt",
        "elsewhere/pug/1.jpg",
    )
    assert [(photo.split, photo.folder) for photo in photos.photos] == [
        *(("test", "boxer"), ("train", "beagle"), ("train", "beagle"), ("train", "boxer"))
    ]
    assert photos.channels == {"train": "data/train/", "test": "data/test/"}
    assert photos.outside == ("data/train/3.jpg",)
    assert photos.summary()["breeds"] == 2
    assert photos.problems == ()


def test_splits_have_the_names_that_training_knows() -> None:
    photos = photos_of("data/Train/a/1.jpg", "data/Train/b/1.jpg", "data/val/a/2.jpg")
    assert photos.channels == {"train": "data/Train/", "valid": "data/val/"}
    assert photos.summary()["photos"] == {"train": 2, "valid": 1}


def test_flat_folder_is_one_channel_that_training_splits() -> None:
    photos = photos_of("data/beagle/1.jpg", "data/boxer/1.jpg")
    assert photos.channels == {"train": "data/"}
    assert photos.problems == ()


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        (["data/train/beagle/1.jpg"], "photos of one breed only (beagle)"),
        (["data/001.Beagle/1.jpg", "data/beagle /2.jpg"], "photos of one breed only"),
        (
            ["data/train/a/1.jpg", "data/train/b/1.jpg", "data/pug/1.jpg"],
            "data/ holds train/ and also pug: put the breeds' folders inside the splits",
        ),
        (
            ["data/train/a/1", "data/train/b/1", "data/val/a/1", "data/valid/b/1"],
            "data/ holds both val/ and valid/, which are the same split: keep one of them.",
        ),
        (["data/test/a/1.jpg", "data/test/b/1.jpg"], "data/ holds test/, but no train/: add it."),
        (
            ["data/train/a/1.jpg", "data/train/b/1.jpg", "data/test/.x"],
            "There are no photos in data/test/: training needs some in each split.",
        ),
        (["data/photos.zip"], "data/ holds 1 files and no photo in a breed's folder (data/photos"),
        (["data/1.jpg", "data/2.jpg"], "a folder of its name. Or delete these files to release"),
        (
            ["data/a", "data/a/1.jpg", "data/b/1.jpg"],
            "data/a is an object and a folder at once",
        ),
    ],
)
def test_folders_that_no_training_takes(keys: list[str], words: str) -> None:
    (problem,) = photos_of(*keys).problems
    assert words in problem


def test_all_pages_are_read() -> None:
    class FakeS3:
        def get_paginator(self, method: str) -> Any:
            return paginator(self, "s3", method)

        def list_objects_v2(self, **request: Any) -> dict[str, Any]:
            entry = {"Key": "data/beagle/1.jpg", "Size": 1, "ETag": "1"}
            if "ContinuationToken" not in request:
                return {"Contents": [entry], "IsTruncated": True, "NextContinuationToken": "more"}
            assert request["ContinuationToken"] == "more"
            return {"Contents": [{**entry, "Key": "data/boxer/1.jpg"}], "IsTruncated": False}

    assert find_photos(cast("S3Client", FakeS3()), BUCKET).count == 2
