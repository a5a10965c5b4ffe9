"""What a release found before it changed anything, kept in the bucket: the way back.

`releases/<digest of the execution>.json` holds the scaling registration as it was. It is written
before the registration is taken away and never overwritten, so that a retry of the release, which
finds none any more, does not forget it.
"""

import json
from typing import Any, Protocol

from botocore.exceptions import ClientError

from common.aws import code_of
from common.execution import Execution

__all__ = ["S3", "read_record", "write_record"]


class S3(Protocol):
    """What is needed of boto3's `s3` client."""

    def get_object(self, **request: Any) -> dict[str, Any]:
        """Read one object."""

    def put_object(self, **request: Any) -> dict[str, Any]:
        """Store one object."""


def write_record(s3: S3, bucket: str, execution: Execution, record: dict[str, Any]) -> None:
    """Keep a record, unless there is one already."""
    try:
        s3.put_object(
            Bucket=bucket,
            Key=_key(execution),
            Body=json.dumps(record).encode(),
            ContentType="application/json",
            IfNoneMatch="*",
        )
    except ClientError as error:
        if code_of(error) != "PreconditionFailed":
            raise


def read_record(s3: S3, bucket: str, execution: Execution) -> dict[str, Any]:
    """Read the record; a release that has made a configuration has written one before."""
    body = s3.get_object(Bucket=bucket, Key=_key(execution))["Body"].read()
    record: dict[str, Any] = json.loads(body)
    return record


def _key(execution: Execution) -> str:
    return f"releases/{execution.digest}.json"
