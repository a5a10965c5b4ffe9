"""SageMaker's tags, as a mapping."""

from collections.abc import Mapping
from typing import Any, Protocol

__all__ = ["Tagged", "as_list", "tags_of"]


class Tagged(Protocol):
    """What `tags_of` needs of boto3's `sagemaker` client."""

    def list_tags(self, **request: Any) -> dict[str, Any]:
        """Tags of one ARN."""


def tags_of(sagemaker: Tagged, arn: str) -> dict[str, str]:
    """Read the tags of a resource; Kennel's own are few, so that one page holds them."""
    return {tag["Key"]: tag["Value"] for tag in sagemaker.list_tags(ResourceArn=arn)["Tags"]}


def as_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Write tags as the API wants them."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]
