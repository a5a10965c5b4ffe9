"""Settings, request and result of a release."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from common.environment import Environment
from common.execution import Execution
from common.hosting import Serverless
from common.vpc_and_key import NO_VPC_AND_KEY, VpcAndKey

if TYPE_CHECKING:
    from types_boto3_sagemaker.literals import ProductionVariantInstanceTypeType

__all__ = ["ReleaseRequest", "ReleaseResult", "ReleaseSettings"]


@dataclass(frozen=True, slots=True)
class ReleaseSettings:
    """The environment of ReleaseFunction."""

    endpoint_name: str  # ENDPOINT_NAME
    bucket: str  # BUCKET_NAME
    instance_type: ProductionVariantInstanceTypeType  # INSTANCE_TYPE
    min_instances: int  # MIN_INSTANCES
    max_instances: int  # MAX_INSTANCES
    model_role_arn: str  # MODEL_ROLE_ARN: role of the container
    isolated: bool  # NETWORK_ISOLATION, yes or no: Ray's image installs packages at startup
    alarms: tuple[str, ...]  # ROLLBACK_ALARMS, comma-separated: each rolls an update back
    bake_s: int  # BAKE_SECONDS: how long alarms are watched at each step
    vpc_and_key: VpcAndKey = NO_VPC_AND_KEY
    serverless: Serverless | None = None  # None: on instances

    @classmethod
    def from_environment(cls, environment: Environment) -> Self:
        """Read the settings; a missing one raises BadEnvironment."""
        instance_type: Any = environment.text("INSTANCE_TYPE")  # SageMaker checks it
        return cls(
            endpoint_name=environment.text("ENDPOINT_NAME"),
            bucket=environment.text("BUCKET_NAME"),
            instance_type=instance_type,
            min_instances=environment.integer("MIN_INSTANCES"),
            max_instances=environment.integer("MAX_INSTANCES"),
            model_role_arn=environment.text("MODEL_ROLE_ARN"),
            isolated=environment.one_of("NETWORK_ISOLATION", "yes", "no") == "yes",
            alarms=tuple(environment.text("ROLLBACK_ALARMS").split(",")),
            bake_s=environment.integer("BAKE_SECONDS"),
            vpc_and_key=VpcAndKey.from_environment(environment),
            serverless=Serverless.from_environment(environment),
        )


@dataclass(frozen=True, slots=True)
class ReleaseRequest:
    """The model that an execution releases."""

    execution: Execution
    model_data_url: str  # s3://.../model.tar.gz
    image: str  # URI of the serving image
    smoke_breed: str  # of the package's smoke photo
    version: str  # its ARN in the Model Registry

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> Self:
        """Read the state's input."""
        return cls(
            Execution.from_context(event["execution"]),
            event["candidate"]["model_data_url"],
            event["image"],
            event["candidate"]["smoke_breed"],
            event["version"],
        )


@dataclass(frozen=True, slots=True)
class ReleaseResult:
    """The created resources, for the later states."""

    model_name: str
    config_name: str
    previous_config_name: str | None  # None at the first release
    instance_count: int  # 0 on a serverless endpoint
