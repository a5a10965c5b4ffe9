"""The release record: the scaling registration before a release, stored in S3 for a rollback.

`releases/<digest of the execution>.json` is written before the registration is removed and never
overwritten. So a retried release, which no longer finds a registration, does not lose it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from common.execution import Execution
from common.s3 import create_object

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client

__all__ = ["read_record", "write_record"]


def write_record(s3: S3Client, bucket: str, execution: Execution, record: dict[str, Any]) -> None:
    """Write the record, unless it exists already."""
    create_object(
        s3.put_object,
        Bucket=bucket,
        Key=_key(execution),
        Body=json.dumps(record).encode(),
        ContentType="application/json",
        IfNoneMatch="*",
    )


def read_record(s3: S3Client, bucket: str, execution: Execution) -> dict[str, Any]:
    """Read the record; it exists if the execution has created an endpoint configuration."""
    body = s3.get_object(Bucket=bucket, Key=_key(execution))["Body"].read()
    record: dict[str, Any] = json.loads(body)
    return record


def _key(execution: Execution) -> str:
    return f"releases/{execution.digest}.json"
