"""Transfer files between S3 and a job's folders, with the permissions of the job's role."""

import contextlib
import json
import shutil
import tarfile
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from botocore.exceptions import ClientError

from kennel.cloud.runtime.store import Json

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client

_PARALLEL_DOWNLOADS = 8


class TransferFailed(Exception):  # noqa: N818
    """A transfer failed; the message is the service's FailureReason."""


def split(uri: str) -> tuple[str, str]:
    """Return bucket and key of an S3 URI."""
    parts = urlsplit(uri)
    return parts.netloc, parts.path.lstrip("/")


def join(uri: str, *parts: str) -> str:
    """Return the S3 URI of a path below `uri`."""
    return "/".join([uri.rstrip("/"), *parts])


def keys_below(s3: "S3Client", uri: str, role: str) -> list[str]:
    """Return the keys that begin with the prefix, in S3's order.

    Raises
    ------
    TransferFailed
        When there are none, or the role is not allowed to list them.
    """
    # A key that ends with a slash is a folder that the S3 console made.
    keys = [key for key in _list_keys(s3, uri) if not key.endswith("/")]
    if not keys:
        raise TransferFailed(
            f'ClientError: Data download failed:No S3 objects found under S3 URL "{uri}" given in '
            "input data source. Please ensure that the bucket exists in the selected region "
            f'(us-east-1), that objects exist under that S3 prefix, and that the role "{role}" '
            f'has "s3:ListBucket" permissions on bucket "{split(uri)[0]}".'
        )
    return keys


def listed_objects(s3: "S3Client", source: Json, role: str) -> tuple[str, list[str]]:
    """Return (prefix as an S3 URI, keys) of the objects that an S3DataSource names.

    Raises
    ------
    TransferFailed
        When there are none, they cannot be listed, or the manifest cannot be read.
    """
    uri = source["S3Uri"]
    if source["S3DataType"] == "ManifestFile":
        return _read_manifest(s3, uri)
    return uri, keys_below(s3, uri, role)


def _read_manifest(s3: "S3Client", uri: str) -> tuple[str, list[str]]:
    """Return prefix and keys of a manifest: [{"prefix": S3 URI}, "name below it", ...].

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_S3DataSource.html
    """
    bucket, key = split(uri)
    try:
        manifest = json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
        prefix, names = manifest[0]["prefix"], manifest[1:]
        below = split(prefix)[1]
        return prefix, [below + name for name in names]
    except ClientError as error:
        raise TransferFailed(f"ClientError: Data download failed:{_error_text(error)}") from error
    except (ValueError, LookupError, TypeError) as error:
        raise TransferFailed(
            f"ClientError: Data download failed:Could not parse the manifest file {uri}: expected "
            'a JSON list of {"prefix": "s3://..."} and then names of objects below that prefix.'
        ) from error


def download(s3: "S3Client", uri: str, keys: Iterable[str], folder: Path) -> None:
    """Download keys below the prefix `uri` to `folder`, without the prefix in their names."""
    bucket, prefix = split(uri)

    def download_one(key: str) -> None:
        name = key.rpartition("/")[2] if key == prefix else key.removeprefix(prefix).lstrip("/")
        file = folder / name
        if not file.resolve().is_relative_to(folder.resolve()):
            raise TransferFailed(f"ClientError: Data download failed:{key} leads out of its folder")
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            with file.open("wb") as out:
                shutil.copyfileobj(s3.get_object(Bucket=bucket, Key=key)["Body"], out)
        except ClientError as error:
            raise TransferFailed(
                f"ClientError: Data download failed:Unable to download object s3://{bucket}/{key} "
                f"({_error_text(error)})"
            ) from error

    with ThreadPoolExecutor(_PARALLEL_DOWNLOADS) as pool:
        list(pool.map(download_one, keys))


def upload_archive(s3: "S3Client", folders: Iterable[Path], uri: str) -> None:
    """Upload the folders' files as one tar.gz; the first folder wins where two have one name."""
    bucket, key = split(uri)
    with tempfile.NamedTemporaryFile(suffix=".tar.gz") as file:
        with tarfile.open(fileobj=file, mode="w:gz", compresslevel=1) as archive:
            names = set()
            for folder in folders:
                for path in files_in(folder):
                    name = str(path.relative_to(folder))
                    if name not in names:
                        archive.add(path, name)
                        names.add(name)
        file.flush()
        _upload(s3, Path(file.name), bucket, key)


class Mirror:
    """Synchronises a local folder with an S3 prefix: checkpoints, and logs of TensorBoard."""

    def __init__(self, s3: "S3Client", folder: Path, uri: str) -> None:
        self._s3 = s3
        self._folder = folder
        self._uri = uri
        self._sent: dict[Path, tuple[int, int]] = {}

    def fetch(self) -> None:
        """Download what an earlier job uploaded; an empty prefix is no error."""
        uri = self._uri.rstrip("/") + "/"
        download(self._s3, uri, _list_keys(self._s3, uri), self._folder)
        self._sent = {path: _version(path) for path in files_in(self._folder)}

    def send(self) -> None:
        """Upload each file that is new or changed since the last call."""
        for path in files_in(self._folder):
            with contextlib.suppress(FileNotFoundError):  # the job has just removed it
                version = _version(path)
                if self._sent.get(path) != version:
                    bucket, key = split(join(self._uri, str(path.relative_to(self._folder))))
                    _upload(self._s3, path, bucket, key)
                    self._sent[path] = version


def files_in(folder: Path) -> Iterator[Path]:
    """Yield the files below a folder, sorted; none when the folder is missing."""
    return (path for path in sorted(folder.rglob("*")) if path.is_file())


def _list_keys(s3: "S3Client", uri: str) -> list[str]:
    bucket, prefix = split(uri)
    try:
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        return [each["Key"] for page in pages for each in page.get("Contents", [])]
    except ClientError as error:
        raise TransferFailed(f"ClientError: Data download failed:{_error_text(error)}") from error


def _upload(s3: "S3Client", file: Path, bucket: str, key: str) -> None:
    try:
        with file.open("rb") as body:
            s3.put_object(Bucket=bucket, Key=key, Body=body)
    except ClientError as error:
        raise TransferFailed(
            f"ClientError: Artifact upload failed:Unable to upload s3://{bucket}/{key} "
            f"({_error_text(error)})"
        ) from error


def _version(path: Path) -> tuple[int, int]:
    stat = path.stat()
    return stat.st_mtime_ns, stat.st_size


def _error_text(error: ClientError) -> str:
    code, message = error.response["Error"]["Code"], error.response["Error"].get("Message", "")
    return f"{code}: {message}"
