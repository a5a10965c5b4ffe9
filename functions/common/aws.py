"""The pipeline functions' boto3 clients, and how they tell one refusal of AWS from another."""

from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

__all__ = ["code_of", "connect"]


def connect(service: str, region: str, *, read_timeout_s: float = 10, attempts: int = 3) -> Any:
    """Make a client.

    Parameters
    ----------
    service
        boto3's name of the service; the layer holds those of AWS_SERVICES in functions/Makefile.
    region
        AWS region; boto3 alone would look for AWS_DEFAULT_REGION.
    read_timeout_s
        Seconds to wait for an answer; the default is for calls that only change a record.
    attempts
        Tries in all, where a throttle, a broken connection or a read time-out can pass.
    """
    config = Config(
        connect_timeout=3,
        read_timeout=read_timeout_s,
        retries={"mode": "standard", "total_max_attempts": attempts},
    )
    return boto3.client(service, region_name=region, config=config)


def code_of(error: ClientError) -> str:
    """Give AWS's code of a refusal, such as ``ValidationException``."""
    return str(error.response.get("Error", {}).get("Code", ""))
