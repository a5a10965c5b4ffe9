import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from common.failure import BundleBroken
from publish_bundle.bundle import Bundle, publish

HASH = "0123456789abcdef0123"
FILES = {
    "source.tar.gz": b"the model folder",
    "model.tar.gz": b"the pretrained package",
    "smoke.jpg": b"a bull mastiff",
    "breeds.json": b'["Bull Mastiff"]',
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
    """Passes calls on, and remembers which there were."""

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


def test_manifest_comes_last_so_that_it_stands_for_the_whole(folder: Path, s3: Any) -> None:
    spy = Spy(s3)
    publish(Bundle.load(folder), "kennel-bucket", spy)
    assert [kind for kind, _ in spy.calls] == ["put"] * 5
    assert spy.calls[-1] == ("put", f"code/{HASH}/bundle.json")


def test_second_call_checks_and_overwrites_nothing(folder: Path, s3: Any) -> None:
    s3.put_bucket_versioning(Bucket="kennel-bucket", VersioningConfiguration={"Status": "Enabled"})
    first = publish(Bundle.load(folder), "kennel-bucket", s3)
    spy = Spy(s3)
    assert publish(Bundle.load(folder), "kennel-bucket", spy) == first
    assert [kind for kind, _ in spy.calls] == ["put", "head"] * 5
    versions = s3.list_object_versions(Bucket="kennel-bucket")["Versions"]
    assert len(versions) == 5


def test_call_after_one_that_was_cut_short_completes_it(folder: Path, s3: Any) -> None:
    publish(Bundle.load(folder), "kennel-bucket", s3)
    for name in ("model.tar.gz", "bundle.json"):
        s3.delete_object(Bucket="kennel-bucket", Key=f"code/{HASH}/{name}")
    publish(Bundle.load(folder), "kennel-bucket", s3)
    stored = s3.get_object(Bucket="kennel-bucket", Key=f"code/{HASH}/model.tar.gz")
    assert stored["Body"].read() == FILES["model.tar.gz"]


def test_somebody_elses_file_under_the_name_is_refused(folder: Path, s3: Any) -> None:
    s3.put_object(Bucket="kennel-bucket", Key=f"code/{HASH}/model.tar.gz", Body=b"other")
    with pytest.raises(BundleBroken, match=r"model\.tar\.gz in the bucket is not the file"):
        publish(Bundle.load(folder), "kennel-bucket", s3)
    stored = s3.get_object(Bucket="kennel-bucket", Key=f"code/{HASH}/model.tar.gz")
    assert stored["Body"].read() == b"other"


def test_what_aws_refuses_stays_its_own_error(folder: Path, s3: Any) -> None:
    with pytest.raises(ClientError, match="NoSuchBucket"):
        publish(Bundle.load(folder), "another-bucket", s3)


def test_package_without_a_bundle(tmp_path: Path) -> None:
    with pytest.raises(BundleBroken, match="packaged without a bundle: run `sam build`"):
        Bundle.load(tmp_path)


@pytest.mark.parametrize("damage", ["changed", "missing"])
def test_package_whose_file_is_not_what_the_manifest_says(folder: Path, damage: str) -> None:
    if damage == "changed":
        (folder / "smoke.jpg").write_bytes(b"a cat")
    else:
        (folder / "smoke.jpg").unlink()
    with pytest.raises(BundleBroken, match=r"smoke\.jpg is missing or not what bundle\.json says"):
        Bundle.load(folder)


@pytest.mark.parametrize("digits", ["", "../../live", "0123456789ABCDEF0123"])
def test_hash_that_is_none_never_becomes_a_key(folder: Path, digits: str) -> None:
    manifest = json.loads((folder / "bundle.json").read_text())
    (folder / "bundle.json").write_text(json.dumps({**manifest, "hash": digits}))
    with pytest.raises(BundleBroken, match="where 20 hex digits belong"):
        Bundle.load(folder)
