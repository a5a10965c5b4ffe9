"""What cleaning up needs of boto3's clients: the seam, where tests pass their own."""

from dataclasses import dataclass
from typing import Any, Protocol

from common.record import S3
from common.registration import AutoScaling

__all__ = ["Clients", "CodeBuild", "SageMaker"]


class SageMaker(Protocol):
    """Jobs, models, configurations and the endpoint."""

    def list_tags(self, **request: Any) -> dict[str, Any]:
        """Tags of one ARN."""

    def add_tags(self, **request: Any) -> dict[str, Any]:
        """Hang a tag on an ARN."""

    def describe_training_job(self, **request: Any) -> dict[str, Any]:
        """Status of a training job."""

    def stop_training_job(self, **request: Any) -> dict[str, Any]:
        """Stop it; answers before it has stopped."""

    def describe_hyper_parameter_tuning_job(self, **request: Any) -> dict[str, Any]:
        """Status of a search."""

    def stop_hyper_parameter_tuning_job(self, **request: Any) -> dict[str, Any]:
        """Stop it with its jobs; answers before they have stopped."""

    def describe_endpoint(self, **request: Any) -> dict[str, Any]:
        """Status, live and pending configuration."""

    def describe_endpoint_config(self, **request: Any) -> dict[str, Any]:
        """Give the ARN that tags hang on."""

    def describe_model(self, **request: Any) -> dict[str, Any]:
        """Give the ARN that tags hang on."""

    def update_endpoint(self, **request: Any) -> dict[str, Any]:
        """Move the endpoint back."""

    def delete_endpoint(self, **request: Any) -> dict[str, Any]:
        """Delete it; answers before it is gone."""

    def delete_endpoint_config(self, **request: Any) -> dict[str, Any]:
        """Delete a configuration."""

    def delete_model(self, **request: Any) -> dict[str, Any]:
        """Delete a model."""


class CodeBuild(Protocol):
    """Image builds."""

    def list_builds_for_project(self, **request: Any) -> dict[str, Any]:
        """Ids of builds, the newest first."""

    def batch_get_builds(self, **request: Any) -> dict[str, Any]:
        """Status and variables of builds."""

    def stop_build(self, **request: Any) -> dict[str, Any]:
        """Stop a build."""


@dataclass(frozen=True, slots=True)
class Clients:
    """All four."""

    sagemaker: SageMaker
    autoscaling: AutoScaling
    codebuild: CodeBuild
    s3: S3
