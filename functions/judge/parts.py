"""The small parts of a trained package that the states after training need.

A training job leaves `models/<job>/output/model.tar.gz`. Its evaluation, breeds and smoke photo are
copied to `models/<job>/parts/`, where each later state reads only what it needs, as it does with a
bundle's; the archive is read as a stream, so that 50 MB of weights never lie in this function.
"""

import io
import json
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from botocore.exceptions import ClientError

from common.aws import code_of
from common.failure import PackageBroken

__all__ = ["S3", "Parts", "publish_parts"]

EVALUATION, BREEDS, CARD, SMOKE = "evaluation.json", "breeds.json", "card.json", "smoke.jpg"
_TYPES = {
    EVALUATION: "application/json",
    BREEDS: "application/json",
    CARD: "application/json",
    SMOKE: "image/jpeg",
}
_LARGEST = (
    20_000_000  # bytes of a part; the largest, the evaluation of 133 breeds, has about 200 kB
)


class S3(Protocol):
    """What is needed of boto3's `s3` client."""

    def get_object(self, **request: Any) -> dict[str, Any]:
        """Read one object."""

    def put_object(self, **request: Any) -> dict[str, Any]:
        """Store one object."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What was found in a package."""

    package: str  # key of model.tar.gz
    prefix: str  # where the parts lie now, with the slash
    evaluation: dict[str, Any]
    smoke_breed: str

    def candidate(self, bucket: str) -> dict[str, str]:
        """Say of it what PublishBundle says of the pretrained package."""
        return {
            "prefix": self.prefix,
            "model_data_url": f"s3://{bucket}/{self.package}",
            "smoke_breed": self.smoke_breed,
            "evaluation_url": f"s3://{bucket}/{self.prefix}{EVALUATION}",
        }


def publish_parts(s3: S3, bucket: str, job_name: str) -> Parts:
    """Copy the parts out of a job's package; a second call copies the same again.

    Raises
    ------
    PackageBroken
        The package is missing, is no archive, or lacks a part.
    """
    package, prefix = f"models/{job_name}/output/model.tar.gz", f"models/{job_name}/parts/"
    found = _read(s3, bucket, package)
    missing = sorted(set(_TYPES) - set(found))
    if missing:
        raise PackageBroken(
            f"{package} lacks {', '.join(missing)}: it is no package of model/train.py."
        )
    try:
        evaluation, card = json.loads(found[EVALUATION]), json.loads(found[CARD])
        smoke_breed = card["smoke_breed"]
    except (ValueError, LookupError, TypeError) as error:
        raise PackageBroken(
            f"In {package} {EVALUATION} or {CARD} is not what model/train.py writes: {error!r}."
        ) from error
    for name, content in found.items():
        s3.put_object(Bucket=bucket, Key=prefix + name, Body=content, ContentType=_TYPES[name])
    return Parts(package, prefix, evaluation, smoke_breed)


def _read(s3: S3, bucket: str, package: str) -> Mapping[str, bytes]:
    try:
        body = s3.get_object(Bucket=bucket, Key=package)["Body"]
    except ClientError as error:
        if code_of(error) not in {"NoSuchKey", "AccessDenied"}:  # the latter without ListBucket
            raise
        raise PackageBroken(f"The training job has left no {package} in the bucket.") from error
    found: dict[str, bytes] = {}
    try:
        with tarfile.open(fileobj=_Stream(body), mode="r|gz") as archive:
            for member in archive:
                name = member.name.removeprefix("./")
                if name in _TYPES and member.isfile() and member.size <= _LARGEST:
                    file = archive.extractfile(member)
                    found[name] = file.read() if file else b""
                if len(found) == len(_TYPES):
                    break
    except (tarfile.TarError, EOFError, OSError) as error:
        raise PackageBroken(f"{package} is no .tar.gz, or it is cut off: {error}.") from error
    return found


class _Stream(io.RawIOBase):
    """botocore's body as a file that tarfile reads to its end, and no further."""

    def __init__(self, body: Any) -> None:
        self._body = body

    def read(self, size: int = -1, /) -> bytes:
        """Read at most `size` bytes."""
        read: bytes = self._body.read(size if size >= 0 else None)
        return read
