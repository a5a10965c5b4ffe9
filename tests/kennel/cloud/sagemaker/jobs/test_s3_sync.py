"""Transfer files between local folders and moto's S3."""

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kennel.cloud.runtime.clients import client
from kennel.cloud.sagemaker.jobs.s3_sync import (
    Mirror,
    TransferFailed,
    download,
    keys_below,
    listed_objects,
    upload_archive,
)


@pytest.fixture
def s3(moto_url: str) -> Iterator[Any]:
    s3 = client("s3", moto_url)
    s3.create_bucket(Bucket="moved")
    yield s3
    for each in s3.list_objects_v2(Bucket="moved").get("Contents", []):
        s3.delete_object(Bucket="moved", Key=each["Key"])
    s3.delete_bucket(Bucket="moved")


def names(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_objects_are_downloaded_without_their_prefix(s3: Any, tmp_path: Path) -> None:
    for key in ("in/a", "in/deep/b", "in/folder/", "other/c"):
        s3.put_object(Bucket="moved", Key=key, Body=key.encode())
    keys = keys_below(s3, "s3://moved/in", "role")
    assert keys == ["in/a", "in/deep/b"]
    download(s3, "s3://moved/in", keys, tmp_path)
    assert names(tmp_path) == {"a", "deep/b"}


def test_a_prefix_can_be_one_object(s3: Any, tmp_path: Path) -> None:
    s3.put_object(Bucket="moved", Key="models/model.tar.gz", Body=b"m")
    uri = "s3://moved/models/model.tar.gz"
    download(s3, uri, keys_below(s3, uri, "role"), tmp_path)
    assert names(tmp_path) == {"model.tar.gz"}


def test_a_key_outside_the_folder_is_refused(s3: Any, tmp_path: Path) -> None:
    s3.put_object(Bucket="moved", Key="in/../../out", Body=b"x")
    with pytest.raises(TransferFailed, match="leads out"):
        download(s3, "s3://moved/in/", ["in/../../out"], tmp_path / "folder")
    assert names(tmp_path) == set()


def test_an_archive_of_two_folders_has_each_name_once(s3: Any, tmp_path: Path) -> None:
    for folder, name in (("one", "same"), ("two", "same"), ("two", "own")):
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / name).write_text(folder)
    upload_archive(s3, [tmp_path / "one", tmp_path / "two"], "s3://moved/out/model.tar.gz")
    body = s3.get_object(Bucket="moved", Key="out/model.tar.gz")["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(body)) as archive:
        files = {each.name: archive.extractfile(each).read() for each in archive}  # type: ignore[union-attr]
    assert files == {"same": b"one", "own": b"two"}


def test_a_mirror_uploads_changed_files_and_downloads_earlier_ones(s3: Any, tmp_path: Path) -> None:
    folder = tmp_path / "checkpoints"
    folder.mkdir()
    mirror = Mirror(s3, folder, "s3://moved/checkpoints")
    mirror.fetch()  # nothing there is no error
    (folder / "last").write_text("1")
    mirror.send()
    s3.put_object(Bucket="moved", Key="checkpoints/last", Body=b"someone's")
    mirror.send()  # unchanged here: not sent again
    assert s3.get_object(Bucket="moved", Key="checkpoints/last")["Body"].read() == b"someone's"
    (folder / "last").write_text("22")
    mirror.send()
    later = tmp_path / "later"
    later.mkdir()
    Mirror(s3, later, "s3://moved/checkpoints/").fetch()
    assert (later / "last").read_text() == "22"


def test_a_manifest_names_objects_below_its_prefix(s3: Any, tmp_path: Path) -> None:
    for key in ("in/a", "in/deep/b", "in/c"):
        s3.put_object(Bucket="moved", Key=key, Body=key.encode())
    s3.put_object(
        Bucket="moved", Key="manifest", Body=b'[{"prefix": "s3://moved/in/"}, "deep/b", "c"]'
    )
    source = {"S3DataType": "ManifestFile", "S3Uri": "s3://moved/manifest"}
    prefix, keys = listed_objects(s3, source, "role")
    download(s3, prefix, keys, tmp_path)
    assert names(tmp_path) == {"deep/b", "c"}


@pytest.mark.parametrize("body", [b"a\nb\n", b"[]", b'{"prefix": "s3://moved/"}', b'[{}, "a"]'])
def test_a_manifest_that_is_none_is_named(s3: Any, body: bytes) -> None:
    s3.put_object(Bucket="moved", Key="manifest", Body=body)
    source = {"S3DataType": "ManifestFile", "S3Uri": "s3://moved/manifest"}
    with pytest.raises(TransferFailed, match="Could not parse the manifest file s3://moved/manif"):
        listed_objects(s3, source, "role")
