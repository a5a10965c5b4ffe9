"""What a release starts from and what it ends with."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from common.environment import Environment
from common.execution import Execution

__all__ = ["Order", "Released", "Settings"]


@dataclass(frozen=True, slots=True)
class Settings:
    """The environment of ReleaseFunction."""

    endpoint_name: str  # ENDPOINT_NAME
    bucket: str  # BUCKET_NAME
    instance_type: str  # INSTANCE_TYPE
    min_instances: int  # MIN_INSTANCES
    max_instances: int  # MAX_INSTANCES
    model_role_arn: str  # MODEL_ROLE_ARN: what the container may do
    isolated: bool  # NETWORK_ISOLATION, yes or no: Ray's image fetches packages when it starts
    alarms: tuple[str, ...]  # ROLLBACK_ALARMS, with commas: each takes an update back
    bake_s: int  # BAKE_SECONDS: how long the new instances are watched at each step

    @classmethod
    def from_environment(cls, environment: Environment) -> Self:
        """Read the settings; a missing one raises BadEnvironment."""
        return cls(
            endpoint_name=environment.text("ENDPOINT_NAME"),
            bucket=environment.text("BUCKET_NAME"),
            instance_type=environment.text("INSTANCE_TYPE"),
            min_instances=environment.whole("MIN_INSTANCES"),
            max_instances=environment.whole("MAX_INSTANCES"),
            model_role_arn=environment.text("MODEL_ROLE_ARN"),
            isolated=environment.one_of("NETWORK_ISOLATION", "yes", "no") == "yes",
            alarms=tuple(environment.text("ROLLBACK_ALARMS").split(",")),
            bake_s=environment.whole("BAKE_SECONDS"),
        )


@dataclass(frozen=True, slots=True)
class Order:
    """What one execution wants released."""

    execution: Execution
    model_data_url: str  # s3://.../model.tar.gz
    image: str  # URI of what serves it

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> Self:
        """Read the state's input."""
        return cls(
            Execution.from_context(event["execution"]),
            event["candidate"]["model_data_url"],
            event["image"],
        )


@dataclass(frozen=True, slots=True)
class Released:
    """What the later states need to know."""

    model_name: str
    config_name: str
    previous_config_name: str | None  # None at the first release
    instance_count: int
