"""The boto3 clients that the checks use; tests pass fakes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types_boto3_ecr.client import ECRClient
    from types_boto3_s3.client import S3Client
    from types_boto3_sagemaker.client import SageMakerClient
    from types_boto3_service_quotas.client import ServiceQuotasClient

__all__ = ["Clients"]


@dataclass(frozen=True, slots=True)
class Clients:
    """boto3's clients; PreflightRole in the template allows the calls of each, which only read."""

    s3: S3Client
    sagemaker: SageMakerClient
    ecr: ECRClient
    quotas: ServiceQuotasClient
