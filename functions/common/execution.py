"""One execution of the state machine, and the resource names derived from it.

Each name is derived from the execution's ARN and its number of redrives. So a second call with the
same input finds what the first call created, an aborted execution can be cleaned up by its ARN, and
a redriven execution does not reuse the name of a failed job.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

__all__ = [
    "EXECUTION_TAG",
    "PREVIOUS_TAG",
    "PROVEN_TAG",
    "ROLLED_BACK_TAG",
    "VERSION_TAG",
    "Execution",
]

EXECUTION_TAG = "kennel:execution"  # on every resource: ARN of the execution that created it
PREVIOUS_TAG = "kennel:previous-config"  # on a configuration: name of the one that it replaced
PROVEN_TAG = "kennel:proven"  # on a configuration: its model passed the smoke test
VERSION_TAG = "kennel:version"  # on a configuration: ARN of its model's version in the registry
ROLLED_BACK_TAG = "kennel:rolled-back"  # on a configuration: a rollback from it was attempted


@dataclass(frozen=True, slots=True)
class Execution:
    """An execution of the state machine; a redrive keeps its ARN."""

    arn: str
    redrive: int = 0  # how often the execution was redriven

    @classmethod
    def from_context(cls, context: Mapping[str, Any]) -> Self:
        """Read Step Functions' own $$.Execution."""
        # moto's interpreter leaves RedriveCount out until the first redrive.
        return cls(context["Id"], context.get("RedriveCount", 0))

    @property
    def digest(self) -> str:
        """20 hex digits, unique to this execution and redrive."""
        return hashlib.sha256(f"{self.arn}{self.redrive}".encode()).hexdigest()[:20]

    @property
    def tuning_job(self) -> str:
        """Name of the tuning job: 27 characters of the 32 that SageMaker allows."""
        return f"k-{self.digest}-tune"

    @property
    def training_job(self) -> str:
        """Name of the training job that uses the best hyperparameters."""
        return f"k-{self.digest}-train"

    def release(self, endpoint_name: str) -> str:
        """Return the name of the model and of the endpoint configuration."""
        return f"{endpoint_name}-{self.digest}"

    @property
    def tags(self) -> dict[str, str]:
        """Tags of every resource that the execution creates."""
        return {EXECUTION_TAG: self.arn}
