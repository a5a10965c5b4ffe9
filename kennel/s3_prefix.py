"""A prefix in S3: read it from an address, list the objects below it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from botocore.exceptions import ClientError

from kennel.aws import code_of
from kennel.errors import KennelError

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client


@dataclass(frozen=True)
class S3Prefix:
    """A bucket and the beginning of the keys in it."""

    bucket: str
    prefix: str

    @classmethod
    def read(cls, uri: str) -> S3Prefix:
        """Read ``s3://bucket/prefix``; anything else raises KennelError."""
        parts = urlsplit(uri)
        if parts.scheme != "s3" or not parts.netloc:
            raise KennelError(f"{uri!r} is no prefix in S3: expected s3://bucket/prefix")
        return cls(parts.netloc, parts.path.lstrip("/"))

    @property
    def uri(self) -> str:
        """The prefix as AWS writes it, ``s3://bucket/prefix``."""
        return f"s3://{self.bucket}/{self.prefix}"

    def keys(self, s3: S3Client) -> list[str]:
        """Return the keys of all objects below the prefix.

        Raises
        ------
        KennelError
            If the bucket does not exist.
        """
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=self.prefix)
        try:
            return [item["Key"] for page in pages for item in page.get("Contents", [])]
        except ClientError as error:
            if code_of(error) != "NoSuchBucket":
                raise
            raise KennelError(
                f"there is no bucket {self.bucket}: `aws s3 ls` lists the buckets of this account"
            ) from error
