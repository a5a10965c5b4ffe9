"""What the service's parts reach in the account: AWS clients, as themselves or as a job's role."""

from collections.abc import Mapping
from typing import Any

import boto3
from botocore.config import Config

from kennel.cloud.cloudformation.names import REGION
from kennel.cloud.sagemaker.errors import ServiceError


class Account:
    """Clients of the account's other services.

    Parameters
    ----------
    url
        Where a job calls AWS: the gateway, which enforces the role.
    keys
        The access key of each role that SageMaker may assume, by the role's ARN.
    """

    def __init__(self, url: str, keys: Mapping[str, str]) -> None:
        self._url = url
        self._keys = keys
        self._clients: dict[tuple[str, str], Any] = {}

    def check_role(self, role: str) -> None:
        """Raise the service's refusal of a role that it cannot assume."""
        self._key(role)

    def client(self, service: str, role: str) -> Any:
        """Return a boto3 client that has what the role with this ARN allows."""
        key = self._key(role)
        if (service, key) not in self._clients:
            self._clients[service, key] = boto3.client(
                service,
                endpoint_url=self._url,
                region_name=REGION,
                aws_access_key_id=key,
                aws_secret_access_key="offline",  # noqa: S106 - signatures are not checked
                config=Config(
                    s3={"addressing_style": "path"},
                    proxies={},
                    max_pool_connections=32,
                    retries={"total_max_attempts": 2},  # all is on this machine
                ),
            )
        return self._clients[service, key]

    def environment(self, role: str) -> dict[str, str]:
        """Return the variables with which a job's process calls AWS as its role."""
        return {
            "AWS_ENDPOINT_URL": self._url,
            "S3_ENDPOINT_URL": self._url,  # sagemaker-training's own name for it
            "AWS_ACCESS_KEY_ID": self._key(role),
            "AWS_SECRET_ACCESS_KEY": "offline",
            "AWS_DEFAULT_REGION": REGION,
            "AWS_REGION": REGION,
        }

    def _key(self, role: str) -> str:
        if role not in self._keys:
            raise ServiceError(
                "ValidationException",
                f"Could not assume role {role}. Please ensure that the role exists and allows "
                "principal 'sagemaker.amazonaws.com' to assume the role.",
            )
        return self._keys[role]


def may_be_assumed(role: Mapping[str, Any]) -> bool:
    """Return whether the trust policy of a role, as CloudFormation has it, names SageMaker."""
    for statement in role["AssumeRolePolicyDocument"]["Statement"]:
        services = statement.get("Principal", {}).get("Service", [])
        if "sagemaker.amazonaws.com" in ([services] if isinstance(services, str) else services):
            return True
    return False
