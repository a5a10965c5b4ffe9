"""SageMaker's tags, as a mapping."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types_boto3_sagemaker.client import SageMakerClient
    from types_boto3_sagemaker.type_defs import TagTypeDef

__all__ = ["as_list", "tags_of"]


def tags_of(sagemaker: SageMakerClient, arn: str) -> dict[str, str]:
    """Read the tags of a resource; Kennel sets few, so the first page holds them all."""
    return {tag["Key"]: tag["Value"] for tag in sagemaker.list_tags(ResourceArn=arn)["Tags"]}


def as_list(tags: Mapping[str, str]) -> list[TagTypeDef]:
    """Convert tags to the form of the API."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]
