"""The boto3 clients that the removal uses; tests pass fakes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types_boto3_application_autoscaling.client import ApplicationAutoScalingClient
    from types_boto3_codebuild.client import CodeBuildClient
    from types_boto3_s3.client import S3Client
    from types_boto3_sagemaker.client import SageMakerClient
    from types_boto3_stepfunctions.client import SFNClient

__all__ = ["Clients"]


@dataclass(frozen=True, slots=True)
class Clients:
    """boto3's clients; RemovalRole in the template allows the calls of each."""

    sagemaker: SageMakerClient
    autoscaling: ApplicationAutoScalingClient
    codebuild: CodeBuildClient
    step_functions: SFNClient
    s3: S3Client
