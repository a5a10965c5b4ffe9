"""What a release needs of boto3's `sagemaker` client: the seam, where tests pass their own."""

from typing import Any, Protocol

__all__ = ["SageMaker"]


class SageMaker(Protocol):
    """Models, endpoint configurations and the endpoint."""

    def describe_endpoint(self, **request: Any) -> dict[str, Any]:
        """Status, live and pending configuration, instance counts."""

    def describe_endpoint_config(self, **request: Any) -> dict[str, Any]:
        """Variants, and the ARN that tags hang on."""

    def describe_model(self, **request: Any) -> dict[str, Any]:
        """Give the ARN that tags hang on."""

    def list_tags(self, **request: Any) -> dict[str, Any]:
        """Tags of one ARN."""

    def create_model(self, **request: Any) -> dict[str, Any]:
        """Image, package and role under one name."""

    def create_endpoint_config(self, **request: Any) -> dict[str, Any]:
        """Which model on how many of which instances."""

    def create_endpoint(self, **request: Any) -> dict[str, Any]:
        """Start an endpoint; answers before it has begun."""

    def update_endpoint(self, **request: Any) -> dict[str, Any]:
        """Move an endpoint to another configuration; answers before it has begun."""
