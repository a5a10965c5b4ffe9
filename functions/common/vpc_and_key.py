"""The VPC and the KMS key that jobs and the endpoint use, if the stack has such parameters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self, TypedDict

from common.environment import Environment

if TYPE_CHECKING:
    from types_boto3_sagemaker.type_defs import VpcConfigUnionTypeDef

__all__ = ["NO_VPC_AND_KEY", "InVpc", "VpcAndKey", "WithKey"]


class InVpc(TypedDict, total=False):
    """The field of a job or a model that puts its container into a VPC; none without one."""

    VpcConfig: VpcConfigUnionTypeDef


class WithKey(TypedDict, total=False):
    """The field of an endpoint's configuration that names the key of its volumes, or none."""

    KmsKeyId: str


@dataclass(frozen=True, slots=True)
class VpcAndKey:
    """Template parameters that are empty by default."""

    subnets: tuple[str, ...] = ()  # VPC_SUBNETS, comma-separated
    security_groups: tuple[str, ...] = ()  # VPC_SECURITY_GROUPS, comma-separated
    key: str = ""  # KMS_KEY_ARN: of volumes and of what jobs write

    @classmethod
    def from_environment(cls, environment: Environment) -> Self:
        """Read the settings; a missing one raises BadEnvironment."""

        def listed(key: str) -> tuple[str, ...]:
            return tuple(filter(None, environment.text(key).split(",")))

        return cls(
            listed("VPC_SUBNETS"), listed("VPC_SECURITY_GROUPS"), environment.text("KMS_KEY_ARN")
        )

    def in_vpc(self) -> InVpc:
        """Return the field of a job or a model."""
        if not self.subnets:
            return {}
        return {"VpcConfig": {"Subnets": self.subnets, "SecurityGroupIds": self.security_groups}}

    def with_key(self) -> WithKey:
        """Return the field of an endpoint's configuration."""
        return {"KmsKeyId": self.key} if self.key else {}


NO_VPC_AND_KEY = VpcAndKey()
