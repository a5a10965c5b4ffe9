"""Delete an S3 bucket with all object versions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from common.aws import error_code

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client
    from types_boto3_s3.type_defs import ObjectIdentifierTypeDef

__all__ = ["delete_bucket"]


def delete_bucket(s3: S3Client, bucket: str) -> list[str]:
    """Delete a thousand versions, or the bucket if it is empty; return what is left."""
    try:
        page = s3.list_object_versions(Bucket=bucket, MaxKeys=1000)
    except ClientError as error:
        if error_code(error) != "NoSuchBucket":
            raise
        return []
    versions: list[ObjectIdentifierTypeDef] = [
        {"Key": version["Key"], "VersionId": version["VersionId"]}
        for version in (*page.get("Versions", []), *page.get("DeleteMarkers", []))
    ]
    if not versions:
        s3.delete_bucket(Bucket=bucket)
        return []
    result = s3.delete_objects(Bucket=bucket, Delete={"Objects": versions, "Quiet": True})
    errors = [f"{error['Key']} ({error['Code']})" for error in result.get("Errors", [])]
    return [f"the contents of the bucket {bucket}", *errors[:5]]
