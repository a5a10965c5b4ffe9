"""Read small files out of a model package, `model.tar.gz` in the bucket.

The archive is read as a stream, so that its 50 MB of weights are never held in memory.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Collection
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from common.aws import error_code
from common.failures import PackageBroken

if TYPE_CHECKING:
    from botocore.response import StreamingBody
    from types_boto3_s3.client import S3Client

__all__ = ["read_files"]

_MAX_BYTES = 20_000_000  # of one file; the evaluation of 133 breeds, the largest, has some 200 kB


def read_files(s3: S3Client, bucket: str, key: str, names: Collection[str]) -> dict[str, bytes]:
    """Read files of a package by their names.

    Raises
    ------
    PackageBroken
        The package is missing, is not a .tar.gz, or lacks a file.
    """
    try:
        body = s3.get_object(Bucket=bucket, Key=key)["Body"]
    except ClientError as error:
        if error_code(error) not in {"NoSuchKey", "AccessDenied"}:  # the latter without ListBucket
            raise
        raise PackageBroken(f"There is no {key} in the bucket, or it may not be read.") from error
    files: dict[str, bytes] = {}
    try:
        with tarfile.open(fileobj=_Stream(body), mode="r|gz") as archive:
            for member in archive:
                name = member.name.removeprefix("./")
                if name in names and member.isfile() and member.size <= _MAX_BYTES:
                    file = archive.extractfile(member)
                    files[name] = file.read() if file else b""
                if len(files) == len(names):
                    break
    except (tarfile.TarError, EOFError, OSError) as error:
        raise PackageBroken(f"{key} is no .tar.gz, or it is truncated: {error}.") from error
    if missing := sorted(set(names) - set(files)):
        raise PackageBroken(f"{key} lacks {', '.join(missing)}: it is no package of Kennel's.")
    return files


class _Stream(io.RawIOBase):
    """botocore's response body as a file object that tarfile can read."""

    def __init__(self, body: StreamingBody) -> None:
        self._body = body

    def read(self, size: int = -1, /) -> bytes:
        """Read at most `size` bytes."""
        return self._body.read(size if size >= 0 else None)
