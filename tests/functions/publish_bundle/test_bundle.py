import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from common.failures import BundleBroken
from publish_bundle.bundle import Bundle, publish

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client

HASH = "0123456789abcdef0123"
FILES = {
    "source.tar.gz": b"the model folder",
    "model.tar.gz": b"the pretrained package",
    "smoke.jpg": b"a bull mastiff",
    "breeds.json": b'["Bull Mastiff"]',
    "search_space.json": b"{}",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, content in FILES.items():
        (tmp_path / name).write_bytes(content)
    manifest = {
        "hash": HASH,
        "files": {name: hashlib.sha256(content).hexdigest() for name, content in FILES.items()},
        "smoke": {"breed": "Bull Mastiff"},
        "credits": "",
    }
    (tmp_path / "bundle.json").write_text(json.dumps(manifest))
    return tmp_path


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket="kennel-bucket")
        yield client


class Spy:
    """An S3 client that passes calls on and records them."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.calls: list[tuple[str, str]] = []

    def put_object(self, **request: Any) -> dict[str, Any]:
        self.calls.append(("put", request["Key"]))
        return dict(self.client.put_object(**request))

    def head_object(self, **request: Any) -> dict[str, Any]:
        self.calls.append(("head", request["Key"]))
        return dict(self.client.head_object(**request))


def test_files_land_under_the_hash(folder: Path, s3: Any) -> None:
    result = publish(Bundle.load(folder), "kennel-bucket", s3)
    assert result == {
        "hash": HASH,
        "prefix": f"code/{HASH}/",
        "model_data_url": f"s3://kennel-bucket/code/{HASH}/model.tar.gz",
        "smoke_breed": "Bull Mastiff",
    }
    listed = s3.list_objects_v2(Bucket="kennel-bucket")["Contents"]
    assert {each["Key"] for each in listed} == {
        f"code/{HASH}/{name}" for name in (*FILES, "bundle.json")
    }
    for name, content in FILES.items():
        stored = s3.get_object(Bucket="kennel-bucket", Key=f"code/{HASH}/{name}")
        assert stored["Body"].read() == content


def test_manifest_is_uploaded_last(folder: Path, s3: Any) -> None:
    spy = Spy(s3)
    publish(Bundle.load(folder), "kennel-bucket", cast("S3Client", spy))
    assert [kind for kind, _ in spy.calls] == ["put"] * 6
    assert spy.calls[-1] == ("put", f"code/{HASH}/bundle.json")


def test_second_call_only_verifies(folder: Path, s3: Any) -> None:
    s3.put_bucket_versioning(Bucket="kennel-bucket", VersioningConfiguration={"Status": "Enabled"})
    first = publish(Bundle.load(folder), "kennel-bucket", s3)
    spy = Spy(s3)
    assert publish(Bundle.load(folder), "kennel-bucket", cast("S3Client", spy)) == first
    assert [kind for kind, _ in spy.calls] == ["put", "head"] * 6
    versions = s3.list_object_versions(Bucket="kennel-bucket")["Versions"]
    assert len(versions) == 6


def test_second_call_completes_an_interrupted_one(folder: Path, s3: Any) -> None:
    publish(Bundle.load(folder), "kennel-bucket", s3)
    for name in ("model.tar.gz", "bundle.json"):
        s3.delete_object(Bucket="kennel-bucket", Key=f"code/{HASH}/{name}")
    publish(Bundle.load(folder), "kennel-bucket", s3)
    stored = s3.get_object(Bucket="kennel-bucket", Key=f"code/{HASH}/model.tar.gz")
    assert stored["Body"].read() == FILES["model.tar.gz"]


def test_other_file_under_the_name_is_refused(folder: Path, s3: Any) -> None:
    s3.put_object(Bucket="kennel-bucket", Key=f"code/{HASH}/model.tar.gz", Body=b"other")
    with pytest.raises(BundleBroken, match=r"model\.tar\.gz in the bucket does not match its hash"):
        publish(Bundle.load(folder), "kennel-bucket", s3)
    stored = s3.get_object(Bucket="kennel-bucket", Key=f"code/{HASH}/model.tar.gz")
    assert stored["Body"].read() == b"other"


def test_error_of_aws_is_not_wrapped(folder: Path, s3: Any) -> None:
    with pytest.raises(ClientError, match="NoSuchBucket"):
        publish(Bundle.load(folder), "another-bucket", s3)


def test_package_without_a_bundle(tmp_path: Path) -> None:
    with pytest.raises(BundleBroken, match="packaged without a bundle: run `sam build`"):
        Bundle.load(tmp_path)


@pytest.mark.parametrize("damage", ["changed", "missing"])
def test_package_whose_file_does_not_match_the_manifest(folder: Path, damage: str) -> None:
    if damage == "changed":
        (folder / "smoke.jpg").write_bytes(b"a cat")
    else:
        (folder / "smoke.jpg").unlink()
    with pytest.raises(BundleBroken, match=r"smoke\.jpg is missing or does not match bundle\.json"):
        Bundle.load(folder)


@pytest.mark.parametrize("digits", ["", "../../live", "0123456789ABCDEF0123"])
def test_invalid_hash_is_refused(folder: Path, digits: str) -> None:
    manifest = json.loads((folder / "bundle.json").read_text())
    (folder / "bundle.json").write_text(json.dumps({**manifest, "hash": digits}))
    with pytest.raises(BundleBroken, match="expected 20 hex digits"):
        Bundle.load(folder)
