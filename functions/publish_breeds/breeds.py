"""Copy the breeds of the live model's package to where ``GET /breeds`` reads them.

Events come late, twice or out of order, so nothing is read from them: what counts is what the
endpoint runs now. Two calls may run at once, so each looks again after it has written.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from common.aws import error_code
from common.failures import PackageBroken, PipelineFailure
from common.live import live_config, package_of
from common.package import read_files

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client
    from types_boto3_sagemaker.client import SageMakerClient

__all__ = ["KEY", "publish_breeds", "try_to_publish"]

KEY = "live/breeds.json"  # read by PageFunction
_BREEDS = "breeds.json"
# This role may not list the bucket; S3 then answers 403 for a missing object.
_MISSING = frozenset({"403", "404", "NoSuchBucket"})


def publish_breeds(
    sagemaker: SageMakerClient, s3: S3Client, endpoint_name: str, bucket: str
) -> dict[str, Any]:
    """Publish the breeds of the live model; remove the list if nothing is live.

    Returns
    -------
    dict
        config_name: of the live configuration; None if nothing is live.

    Raises
    ------
    LiveModelUnusable, PackageBroken
        The live model's package or its list of breeds cannot be read; the old list stays.
    """
    config_name = live_config(sagemaker, endpoint_name)
    while True:
        if config_name is None:
            _remove(s3, bucket)
        else:
            package = package_of(sagemaker, config_name, bucket)
            breeds = _checked(read_files(s3, bucket, package, {_BREEDS})[_BREEDS], package)
            s3.put_object(Bucket=bucket, Key=KEY, Body=breeds, ContentType="application/json")
        published, config_name = config_name, live_config(sagemaker, endpoint_name)
        if config_name == published:
            return {"config_name": published}


def try_to_publish(
    sagemaker: SageMakerClient,
    s3: S3Client,
    endpoint_name: str,
    bucket: str,
    warn: Callable[[str], None],
) -> dict[str, Any]:
    """Publish for an event, which nobody waits for: where that is impossible, `warn` says why."""
    try:
        return publish_breeds(sagemaker, s3, endpoint_name, bucket)
    except PipelineFailure as failure:
        warn(f"GET /breeds keeps its list: {failure}")
        return {"config_name": None}


def _checked(breeds: bytes, package: str) -> bytes:
    """Return the list if PageFunction can read it."""
    try:
        names = [entry["breed"] for entry in json.loads(breeds)]
    except (ValueError, LookupError, TypeError) as error:
        raise PackageBroken(
            f"{_BREEDS} in {package} is not what model/train.py writes: {error!r}."
        ) from error
    if not names or not all(isinstance(name, str) for name in names):
        raise PackageBroken(f"{_BREEDS} in {package} has no list of names: {names[:3]!r}.")
    return breeds


def _remove(s3: S3Client, bucket: str) -> None:
    # Not without looking: in a versioned bucket each deletion would leave another marker, and
    # RemovalFunction may just have emptied it.
    try:
        s3.head_object(Bucket=bucket, Key=KEY)
    except ClientError as error:
        if error_code(error) not in _MISSING:
            raise
    else:
        s3.delete_object(Bucket=bucket, Key=KEY)
