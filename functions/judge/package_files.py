"""Copy the small files out of a trained package, for the states after training.

A training job writes `models/<job>/output/model.tar.gz`. Its evaluation, breeds and smoke photo are
copied to `models/<job>/parts/`, where each later state reads only the file that it needs, as with a
bundle. The archive is read as a stream, so that its 50 MB of weights are never held in memory.
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from common.aws import error_code
from common.failures import PackageBroken

if TYPE_CHECKING:
    from botocore.response import StreamingBody
    from types_boto3_s3.client import S3Client

__all__ = ["PackageFiles", "publish_package_files"]

EVALUATION, BREEDS, CARD, SMOKE = "evaluation.json", "breeds.json", "card.json", "smoke.jpg"
_CONTENT_TYPES = {
    EVALUATION: "application/json",
    BREEDS: "application/json",
    CARD: "application/json",
    SMOKE: "image/jpeg",
}
_MAX_BYTES = 20_000_000  # of one file; the evaluation of 133 breeds, the largest, has some 200 kB


@dataclass(frozen=True, slots=True)
class PackageFiles:
    """The files of a package that were copied."""

    package: str  # key of model.tar.gz
    prefix: str  # of the copies, with the slash
    evaluation: dict[str, Any]
    smoke_breed: str

    def candidate(self, bucket: str) -> dict[str, str]:
        """Describe the package with the fields that PublishBundle has for the pretrained one."""
        return {
            "prefix": self.prefix,
            "model_data_url": f"s3://{bucket}/{self.package}",
            "smoke_breed": self.smoke_breed,
            "evaluation_url": f"s3://{bucket}/{self.prefix}{EVALUATION}",
        }


def publish_package_files(s3: S3Client, bucket: str, job_name: str) -> PackageFiles:
    """Copy the files out of a job's package; idempotent.

    Raises
    ------
    PackageBroken
        The package is missing, is not a .tar.gz, or lacks a file.
    """
    package, prefix = f"models/{job_name}/output/model.tar.gz", f"models/{job_name}/parts/"
    files = _read(s3, bucket, package)
    missing = sorted(set(_CONTENT_TYPES) - set(files))
    if missing:
        raise PackageBroken(
            f"{package} lacks {', '.join(missing)}: it is no package of model/train.py."
        )
    try:
        evaluation, card = json.loads(files[EVALUATION]), json.loads(files[CARD])
        smoke_breed = card["smoke_breed"]
    except (ValueError, LookupError, TypeError) as error:
        raise PackageBroken(
            f"In {package} {EVALUATION} or {CARD} is not what model/train.py writes: {error!r}."
        ) from error
    for name, content in files.items():
        s3.put_object(
            Bucket=bucket, Key=prefix + name, Body=content, ContentType=_CONTENT_TYPES[name]
        )
    return PackageFiles(package, prefix, evaluation, smoke_breed)


def _read(s3: S3Client, bucket: str, package: str) -> Mapping[str, bytes]:
    try:
        body = s3.get_object(Bucket=bucket, Key=package)["Body"]
    except ClientError as error:
        if error_code(error) not in {"NoSuchKey", "AccessDenied"}:  # the latter without ListBucket
            raise
        raise PackageBroken(f"The training job has written no {package} to the bucket.") from error
    files: dict[str, bytes] = {}
    try:
        with tarfile.open(fileobj=_Stream(body), mode="r|gz") as archive:
            for member in archive:
                name = member.name.removeprefix("./")
                if name in _CONTENT_TYPES and member.isfile() and member.size <= _MAX_BYTES:
                    file = archive.extractfile(member)
                    files[name] = file.read() if file else b""
                if len(files) == len(_CONTENT_TYPES):
                    break
    except (tarfile.TarError, EOFError, OSError) as error:
        raise PackageBroken(f"{package} is no .tar.gz, or it is truncated: {error}.") from error
    return files


class _Stream(io.RawIOBase):
    """botocore's response body as a file object that tarfile can read."""

    def __init__(self, body: StreamingBody) -> None:
        self._body = body

    def read(self, size: int = -1, /) -> bytes:
        """Read at most `size` bytes."""
        return self._body.read(size if size >= 0 else None)
