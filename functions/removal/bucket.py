"""An S3 bucket and all versions of all it holds, deleted where nobody wants to keep them."""

from typing import Any

from botocore.exceptions import ClientError

from common.aws import code_of

__all__ = ["empty"]


def empty(s3: Any, bucket: str) -> list[str]:
    """Delete a thousand versions, or the bucket if there are none; what is still there."""
    try:
        page = s3.list_object_versions(Bucket=bucket, MaxKeys=1000)
    except ClientError as error:
        if code_of(error) != "NoSuchBucket":
            raise
        return []
    versions = [
        {"Key": each["Key"], "VersionId": each["VersionId"]}
        for kind in ("Versions", "DeleteMarkers")
        for each in page.get(kind, [])
    ]
    if not versions:
        s3.delete_bucket(Bucket=bucket)
        return []
    answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": versions, "Quiet": True})
    wrong = [f"{each['Key']} ({each['Code']})" for each in answer.get("Errors", [])]
    return [f"what is in the bucket {bucket}", *wrong[:5]]
