"""One execution of the state machine, and the names that follow from it.

Every name is made of the execution's ARN and how often it was redriven. So a second call with the
same input finds what the first has made, an aborted execution can be cleaned up by whoever knows
its ARN, and a redrive never trips over the job that failed.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

__all__ = ["EXECUTION_TAG", "PREVIOUS_TAG", "PROVEN_TAG", "ROLLED_BACK_TAG", "Execution"]

EXECUTION_TAG = "kennel:execution"  # on all that an execution makes: its ARN
PREVIOUS_TAG = "kennel:previous-config"  # on a configuration: the one before it
PROVEN_TAG = "kennel:proven"  # on a configuration: the model that answered the smoke photo rightly
ROLLED_BACK_TAG = "kennel:rolled-back"  # on a configuration: going back from it was tried


@dataclass(frozen=True, slots=True)
class Execution:
    """An execution, of which a redrive keeps the ARN."""

    arn: str
    redrive: int = 0  # times that it was redriven

    @classmethod
    def from_context(cls, context: Mapping[str, Any]) -> Self:
        """Read Step Functions' own $$.Execution."""
        # moto's interpreter gives a RedriveCount from the first redrive on.
        return cls(context["Id"], context.get("RedriveCount", 0))

    @property
    def digest(self) -> str:
        """Give 20 hex digits that no other execution or redrive has."""
        return hashlib.sha256(f"{self.arn}{self.redrive}".encode()).hexdigest()[:20]

    @property
    def tuning_job(self) -> str:
        """Name the tuning job: 27 characters of the 32 that SageMaker takes."""
        return f"k-{self.digest}-tune"

    @property
    def training_job(self) -> str:
        """Name the training job with the best hyperparameters."""
        return f"k-{self.digest}-train"

    def release(self, endpoint_name: str) -> str:
        """Name model and endpoint configuration."""
        return f"{endpoint_name}-{self.digest}"

    @property
    def tags(self) -> dict[str, str]:
        """What hangs on everything that it makes."""
        return {EXECUTION_TAG: self.arn}
