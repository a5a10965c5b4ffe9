"""Between S3 and a job's folders, with what the job's role may do."""

import contextlib
import shutil
import tarfile
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import ClientError

_AT_ONCE = 8


class TransferFailed(Exception):  # noqa: N818
    """A transfer did not succeed; the message is a FailureReason in the service's words."""


def split(uri: str) -> tuple[str, str]:
    """Return bucket and key of an S3 URI."""
    parts = urlsplit(uri)
    return parts.netloc, parts.path.lstrip("/")


def join(uri: str, *parts: str) -> str:
    """Return the S3 URI of something below `uri`."""
    return "/".join([uri.rstrip("/"), *parts])


def keys_below(s3: Any, uri: str, role: str) -> list[str]:
    """Return the keys that begin with the prefix, in S3's order.

    Raises
    ------
    TransferFailed
        When there are none, or the role may not list them.
    """
    bucket, prefix = split(uri)
    try:
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        keys = [each["Key"] for page in pages for each in page.get("Contents", [])]
    except ClientError as error:
        raise TransferFailed(f"ClientError: Data download failed:{_words(error)}") from error
    keys = [key for key in keys if not key.endswith("/")]  # a console's folder is no file
    if not keys:
        raise TransferFailed(
            f'ClientError: Data download failed:No S3 objects found under S3 URL "{uri}" given in '
            "input data source. Please ensure that the bucket exists in the selected region "
            f'(us-east-1), that objects exist under that S3 prefix, and that the role "{role}" '
            f'has "s3:ListBucket" permissions on bucket "{bucket}".'
        )
    return keys


def download(s3: Any, uri: str, keys: Iterable[str], folder: Path) -> None:
    """Bring keys below the prefix `uri` to `folder`, under what follows the prefix."""
    bucket, prefix = split(uri)

    def bring(key: str) -> None:
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
                f"({_words(error)})"
            ) from error

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        list(pool.map(bring, keys))


def upload_archive(s3: Any, folders: Iterable[Path], uri: str) -> None:
    """Upload the folders' files as one tar.gz; of two with one name, the first folder's."""
    bucket, key = split(uri)
    with tempfile.NamedTemporaryFile(suffix=".tar.gz") as file:
        with tarfile.open(fileobj=file, mode="w:gz", compresslevel=1) as archive:
            held = set()
            for folder in folders:
                for path in files_in(folder):
                    name = str(path.relative_to(folder))
                    if name not in held:
                        archive.add(path, name)
                        held.add(name)
        file.flush()
        _upload(s3, Path(file.name), bucket, key)


class Mirror:
    """Keeps an S3 prefix like a local folder: checkpoints, and logs of TensorBoard."""

    def __init__(self, s3: Any, folder: Path, uri: str) -> None:
        self._s3 = s3
        self._folder = folder
        self._uri = uri
        self._sent: dict[Path, tuple[int, int]] = {}

    def fetch(self) -> None:
        """Bring what a former job left under the prefix; nothing is no error."""
        bucket, prefix = split(self._uri.rstrip("/") + "/")
        try:
            pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
            keys = [each["Key"] for page in pages for each in page.get("Contents", [])]
        except ClientError as error:
            raise TransferFailed(f"ClientError: Data download failed:{_words(error)}") from error
        download(self._s3, self._uri.rstrip("/") + "/", keys, self._folder)
        self._sent = {path: _state(path) for path in files_in(self._folder)}

    def send(self) -> None:
        """Upload each file that is new or has changed since."""
        for path in files_in(self._folder):
            with contextlib.suppress(FileNotFoundError):  # the job took it away meanwhile
                state = _state(path)
                if self._sent.get(path) != state:
                    bucket, key = split(join(self._uri, str(path.relative_to(self._folder))))
                    _upload(self._s3, path, bucket, key)
                    self._sent[path] = state


def files_in(folder: Path) -> Iterator[Path]:
    """Yield the files below a folder, in order; none when it is absent."""
    return (path for path in sorted(folder.rglob("*")) if path.is_file())


def _upload(s3: Any, file: Path, bucket: str, key: str) -> None:
    try:
        with file.open("rb") as body:
            s3.put_object(Bucket=bucket, Key=key, Body=body)
    except ClientError as error:
        raise TransferFailed(
            f"ClientError: Artifact upload failed:Unable to upload s3://{bucket}/{key} "
            f"({_words(error)})"
        ) from error


def _state(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_mtime_ns, found.st_size


def _words(error: ClientError) -> str:
    code, message = error.response["Error"]["Code"], error.response["Error"].get("Message", "")
    return f"{code}: {message}"
