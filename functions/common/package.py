"""Read the small files of a model package, `model.tar.gz` in the bucket, and copy the package.

The archive is read as a stream, so that its 50 MB of weights are never held in memory. Endpoints
load packages from `packages/<digest>/` only, where no role of a training may write: `keep_package`
copies what was read there.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from common.aws import error_code
from common.failures import PackageBroken
from common.s3 import MISSING, create_object

if TYPE_CHECKING:
    from botocore.response import StreamingBody
    from types_boto3_s3.client import S3Client
    from types_boto3_s3.type_defs import GetObjectOutputTypeDef

__all__ = ["KEPT", "Package", "keep_package", "read_files", "read_package"]

KEPT = "packages/"  # prefix in the bucket; all that the model's role may load
BREEDS, CARD, EVALUATION, SMOKE = "breeds.json", "card.json", "evaluation.json", "smoke.jpg"
_CONTENT_TYPES = {SMOKE: "image/jpeg"}  # the others are JSON
_CHUNK = 1 << 20
_MAX_BYTES = 20_000_000  # of one file; the evaluation of 133 breeds, the largest, has some 200 kB


@dataclass(frozen=True, slots=True)
class Package:
    """A model package in the bucket: where it is, its digest and its small files."""

    key: str
    etag: str
    digest: str  # 20 hex digits of its SHA-256
    files: dict[str, bytes]  # breeds, card and smoke photo; the evaluation, if it has one

    def parsed(self, name: str) -> Any:
        """Parse one of its files as JSON.

        Raises
        ------
        PackageBroken
            The package lacks the file, or it is not JSON.
        """
        if name not in self.files:
            raise PackageBroken(f"{self.key} lacks {name}: it is no package of Kennel's.")
        try:
            return json.loads(self.files[name])
        except ValueError as error:
            raise self.broken(name, error) from error

    def broken(self, name: str, error: Exception) -> PackageBroken:
        """Return the failure for a file that has not the content that model/train.py writes."""
        return PackageBroken(f"In {self.key} {name} is not what model/train.py writes: {error!r}.")

    @property
    def smoke_breed(self) -> str:
        """The breed in the smoke photo, by the card."""
        try:
            return str(self.parsed(CARD)["smoke_breed"])
        except (LookupError, TypeError) as error:
            raise self.broken(CARD, error) from error


def read_package(s3: S3Client, bucket: str, key: str) -> Package:
    """Read a model package from S3; return its digest and the contents of its small files.

    Raises
    ------
    PackageBroken
        The package is missing, is not a .tar.gz, or lacks a file.
    """
    response = _get(s3, bucket, key)
    stream = _Stream(response["Body"])
    files = _unpack(stream, key, {BREEDS, CARD, SMOKE}, {EVALUATION})
    while stream.read(_CHUNK):
        pass
    return Package(key, response["ETag"], stream.digest.hexdigest()[:20], files)


def keep_package(s3: S3Client, bucket: str, package: Package) -> dict[str, str]:
    """Copy a package and its small files to `packages/<digest>/`; idempotent.

    Returns
    -------
    dict
        The candidate of a release: prefix, model_data_url, smoke_breed, and evaluation_url if it
        has an evaluation.

    Raises
    ------
    PackageBroken
        Its card names no breed, or the object has changed since it was read.
    """
    candidate, prefix = {"smoke_breed": package.smoke_breed}, f"{KEPT}{package.digest}/"
    key = f"{prefix}model.tar.gz"
    if package.key != key:
        _copy(s3, bucket, package, key)
    for name, content in package.files.items():
        create_object(  # one that exists never changes
            s3.put_object,
            Bucket=bucket,
            Key=prefix + name,
            Body=content,
            ContentType=_CONTENT_TYPES.get(name, "application/json"),
            IfNoneMatch="*",
        )
    candidate |= {"prefix": prefix, "model_data_url": f"s3://{bucket}/{key}"}
    if EVALUATION in package.files:
        candidate["evaluation_url"] = f"s3://{bucket}/{prefix}{EVALUATION}"
    return candidate


def _copy(s3: S3Client, bucket: str, package: Package, key: str) -> None:
    is_copied = create_object(
        s3.copy_object,
        Bucket=bucket,
        Key=key,
        CopySource=f"{bucket}/{package.key}",
        CopySourceIfMatch=package.etag,
        IfNoneMatch="*",
    )
    if is_copied:
        return
    try:
        s3.head_object(Bucket=bucket, Key=key)  # it is there already, or the source has changed
    except ClientError as error:
        if error_code(error) not in MISSING:
            raise
        raise PackageBroken(
            f"{package.key} was overwritten while it was read: start again."
        ) from error


def read_files(s3: S3Client, bucket: str, key: str, names: Collection[str]) -> dict[str, bytes]:
    """Read files of a package by their names, and stop reading after the last of them.

    Raises
    ------
    PackageBroken
        The package is missing, is not a .tar.gz, or lacks a file.
    """
    return _unpack(_Stream(_get(s3, bucket, key)["Body"]), key, names, ())


def _get(s3: S3Client, bucket: str, key: str) -> GetObjectOutputTypeDef:
    try:
        return s3.get_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if error_code(error) not in MISSING:
            raise
        raise PackageBroken(f"There is no {key} in the bucket, or it may not be read.") from error


def _unpack(
    stream: _Stream, key: str, required: Collection[str], optional: Collection[str]
) -> dict[str, bytes]:
    names = {*required, *optional}
    files: dict[str, bytes] = {}
    try:
        with tarfile.open(fileobj=stream, mode="r|gz") as archive:
            for member in archive:
                name = member.name.removeprefix("./")
                if name in names and member.isfile() and member.size <= _MAX_BYTES:
                    file = archive.extractfile(member)
                    files[name] = file.read() if file else b""
                if len(files) == len(names):
                    break
    except (tarfile.TarError, EOFError, OSError) as error:
        raise PackageBroken(f"{key} is no .tar.gz, or it is truncated: {error}.") from error
    if missing := sorted(set(required) - set(files)):
        raise PackageBroken(f"{key} lacks {', '.join(missing)}: it is no package of Kennel's.")
    return files


class _Stream(io.RawIOBase):
    """botocore's response body as a file object that tarfile can read, with its digest so far."""

    def __init__(self, body: StreamingBody) -> None:
        self._body = body
        self.digest = hashlib.sha256()

    def read(self, size: int = -1, /) -> bytes:
        """Read at most `size` bytes."""
        content = self._body.read(size if size >= 0 else None)
        self.digest.update(content)
        return content
