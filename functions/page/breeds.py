"""The breeds that the live model knows, as the last release left them in the bucket."""

import json
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from common.problem import Unavailable

__all__ = ["KEY", "Bucket", "live_breeds"]

KEY = "live/breeds.json"  # written by the state machine once a model has passed its smoke test

# Without the right to list the bucket (and this function has none) S3 says AccessDenied where an
# object is missing.
_MISSING = frozenset({"NoSuchKey", "AccessDenied"})
_RETRY_AFTER_S = 30


class Bucket(Protocol):
    """The one method of boto3's `s3` client that is used; tests pass their own."""

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803  # boto3's names
        """Fetch one object."""


def live_breeds(client: Bucket, bucket: str) -> list[str]:
    """Read the names of the live model's breeds.

    Parameters
    ----------
    client
        boto3's `s3` client, or a fake.
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
        body = client.get_object(Bucket=bucket, Key=KEY)["Body"].read()
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
