"""Where the model runs: on instances, which are paid by the hour, or serverless, paid by the call.

SageMaker updates no endpoint from instances to serverless. It does the other way round, but then a
failed release could not be rolled back. So Hosting is fixed while the endpoint exists.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from common.environment import Environment

if TYPE_CHECKING:
    from types_boto3_sagemaker.type_defs import ProductionVariantServerlessConfigTypeDef

__all__ = ["HOSTINGS", "Serverless", "hosting_of"]

HOSTINGS = ("instances", "serverless")  # the parameter Hosting, in HOSTING


@dataclass(frozen=True, slots=True)
class Serverless:
    """Template parameters of a serverless endpoint."""

    memory_mb: int  # SERVERLESS_MEMORY_MB
    max_concurrency: int  # SERVERLESS_MAX_CONCURRENCY: invocations at a time; more are throttled

    @classmethod
    def from_environment(cls, environment: Environment) -> Self | None:
        """Return the settings of a serverless endpoint; None for one on instances.

        Raises
        ------
        BadEnvironment
            For a variable that is missing.
        """
        hosting = environment.one_of("HOSTING", *HOSTINGS)
        settings = cls(
            environment.integer("SERVERLESS_MEMORY_MB"),
            environment.integer("SERVERLESS_MAX_CONCURRENCY"),
        )
        return settings if hosting == "serverless" else None

    @property
    def config(self) -> ProductionVariantServerlessConfigTypeDef:
        """The variant's ServerlessConfig."""
        return {"MemorySizeInMB": self.memory_mb, "MaxConcurrency": self.max_concurrency}


def hosting_of(variant: Mapping[str, Any]) -> str:
    """Return the Hosting of a production variant, as DescribeEndpointConfig has it."""
    return "serverless" if "ServerlessConfig" in variant else "instances"
