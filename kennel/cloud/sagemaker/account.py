"""Make AWS clients and environments that have the permissions of a job's role."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from kennel.cloud.cloudformation.names import REGION
from kennel.cloud.sagemaker.errors import invalid

if TYPE_CHECKING:
    from types_boto3_cloudwatch.client import CloudWatchClient
    from types_boto3_logs.client import CloudWatchLogsClient
    from types_boto3_s3.client import S3Client


class Account:
    """Calls AWS as one of the account's roles.

    Parameters
    ----------
    url
        The gateway's address; it enforces what a role allows.
    key_of
        Returns the access key of a role that SageMaker may assume, by its ARN; None for any other.
    """

    def __init__(self, url: str, key_of: Callable[[str], str | None]) -> None:
        self._url = url
        self._key_of = key_of
        self._clients: dict[tuple[str, str], Any] = {}

    def check_role(self, role: str) -> None:
        """Raise ServiceError for a role that SageMaker cannot assume."""
        self.key(role)

    def s3(self, role: str) -> "S3Client":
        """Return an S3 client with the permissions of the role of this ARN."""
        s3: S3Client = self._client("s3", role)
        return s3

    def logs(self, role: str) -> "CloudWatchLogsClient":
        """Return a CloudWatch Logs client with the permissions of the role of this ARN."""
        logs: CloudWatchLogsClient = self._client("logs", role)
        return logs

    def cloudwatch(self, role: str) -> "CloudWatchClient":
        """Return a CloudWatch client with the permissions of the role of this ARN."""
        cloudwatch: CloudWatchClient = self._client("cloudwatch", role)
        return cloudwatch

    def environment(self, role: str) -> dict[str, str]:
        """Return the environment variables with which a process calls AWS as the role."""
        return {
            "AWS_ENDPOINT_URL": self._url,
            "S3_ENDPOINT_URL": self._url,  # sagemaker-training's own name for it
            "AWS_ACCESS_KEY_ID": self.key(role),
            "AWS_SECRET_ACCESS_KEY": "offline",
            "AWS_DEFAULT_REGION": REGION,
            "AWS_REGION": REGION,
        }

    def _client(self, service: str, role: str) -> Any:
        key = self.key(role)
        if (service, key) not in self._clients:
            make: Any = boto3.client  # its stubs take no variable for a service's name
            self._clients[service, key] = make(service, **self._client_options(key))
        return self._clients[service, key]

    def _client_options(self, key: str) -> dict[str, Any]:
        return {
            "endpoint_url": self._url,
            "region_name": REGION,
            "aws_access_key_id": key,
            "aws_secret_access_key": "offline",
            "config": Config(
                s3={"addressing_style": "path"},
                proxies={},
                max_pool_connections=32,
                retries={"total_max_attempts": 2},  # the gateway is on this machine
            ),
        }

    def key(self, role: str) -> str:
        """Return the access key of a role; ServiceError for one that SageMaker cannot assume."""
        key = self._key_of(role)
        if key is None:
            raise invalid(
                f"Could not assume role {role}. Please ensure that the role exists and allows "
                "principal 'sagemaker.amazonaws.com' to assume the role.",
            )
        return key
