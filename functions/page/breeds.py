"""The live model's breeds, as PublishBreedsFunction published them in the bucket."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from common.problem import Unavailable

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client

__all__ = ["KEY", "live_breeds"]

KEY = "live/breeds.json"  # written by PublishBreedsFunction

# This role may not list the bucket; S3 then returns AccessDenied for a missing object.
_MISSING = frozenset({"NoSuchKey", "AccessDenied"})
_RETRY_AFTER_S = 30


def live_breeds(s3: S3Client, bucket: str) -> list[str]:
    """Read the names of the live model's breeds.

    Parameters
    ----------
    s3
        boto3's client.
    bucket
        The stack's bucket.

    Returns
    -------
    list of str
        In alphabetical order.

    Raises
    ------
    Unavailable
        No model is live yet, or S3 does not answer.
    """
    try:
        body = s3.get_object(Bucket=bucket, Key=KEY)["Body"].read()
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") not in _MISSING:
            raise
        raise Unavailable(
            "No model is live yet, so there are no breeds to list; ask again after a release.",
            retry_after_s=_RETRY_AFTER_S,
        ) from error
    except BotoCoreError as error:  # no connection, or no answer in time
        raise Unavailable(
            "The list of breeds cannot be read just now; ask again in a moment.",
            retry_after_s=_RETRY_AFTER_S,
        ) from error
    return sorted(entry["breed"] for entry in json.loads(body))
