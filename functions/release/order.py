"""What a release starts from and what it ends with."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from common.environment import Environment

__all__ = ["Order", "Released", "Settings"]


@dataclass(frozen=True, slots=True)
class Settings:
    """The environment of ReleaseFunction."""

    endpoint_name: str  # ENDPOINT_NAME
    image: str  # SERVING_IMAGE
    instance_type: str  # INSTANCE_TYPE
    min_instances: int  # MIN_INSTANCES
    max_instances: int  # MAX_INSTANCES
    model_role_arn: str  # MODEL_ROLE_ARN: what the container may do

    @classmethod
    def from_environment(cls, environment: Environment) -> Self:
        """Read the settings; a missing one raises BadEnvironment."""
        return cls(
            endpoint_name=environment.text("ENDPOINT_NAME"),
            image=environment.text("SERVING_IMAGE"),
            instance_type=environment.text("INSTANCE_TYPE"),
            min_instances=environment.whole("MIN_INSTANCES"),
            max_instances=environment.whole("MAX_INSTANCES"),
            model_role_arn=environment.text("MODEL_ROLE_ARN"),
        )


@dataclass(frozen=True, slots=True)
class Order:
    """What one execution wants released."""

    execution_arn: str
    redrive: int  # times that the execution was redriven, 0 at first
    bundle_hash: str
    model_data_url: str  # s3://.../model.tar.gz

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> Self:
        """Read the state's input: execution is Step Functions' own $$.Execution."""
        execution, bundle = event["execution"], event["bundle"]
        # moto's interpreter gives no RedriveCount, and never redrives.
        redrive = execution.get("RedriveCount", 0)
        return cls(execution["Id"], redrive, bundle["hash"], bundle["model_data_url"])

    def name(self, endpoint_name: str) -> str:
        """Name model and configuration: endpoint, 8 digits of the hash, 12 of the execution."""
        execution = hashlib.sha256(f"{self.execution_arn}{self.redrive}".encode()).hexdigest()
        return f"{endpoint_name}-{self.bundle_hash[:8]}-{execution[:12]}"


@dataclass(frozen=True, slots=True)
class Released:
    """What the later states need to know."""

    model_name: str
    config_name: str
    previous_config_name: str | None  # None at the first release
    instance_count: int
