"""Read the tags that the pipeline's functions set; functions/common/execution.py describes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types_boto3_sagemaker.client import SageMakerClient

EXECUTION_TAG = "kennel:execution"  # on every resource: ARN of the execution that created it
PREVIOUS_TAG = "kennel:previous-config"  # on a configuration: name of the one that it replaced
PROVEN_TAG = "kennel:proven"  # on a configuration: its model passed the smoke test
VERSION_TAG = "kennel:version"  # on a configuration: ARN of its model's version in the registry


def tags_of(sagemaker: SageMakerClient, arn: str) -> dict[str, str]:
    """Return the tags of a resource as a mapping."""
    pages = sagemaker.get_paginator("list_tags").paginate(ResourceArn=arn)
    return {tag["Key"]: tag["Value"] for page in pages for tag in page["Tags"]}
