"""Read the releases of a stack's endpoint, from the live one back to the oldest.

Each release leaves an endpoint configuration, with the name of the one that it replaced and its
model's version in tags.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from kennel.aws import code_of, find
from kennel.tags import PREVIOUS_TAG, VERSION_TAG, tags_of

if TYPE_CHECKING:
    from types_boto3_sagemaker.client import SageMakerClient

_NOTHING_LIVE = {"Creating", "Failed", "Deleting"}


@dataclass(frozen=True)
class Release:
    """The package that a release of the endpoint served, and its version.

    Attributes
    ----------
    package
        Address of its package in S3.
    version
        ARN of its version in the Model Registry; empty if it has none.
    """

    package: str
    version: str

    @property
    def as_input(self) -> str:
        """What the state machine's input `release` has to be to release it again."""
        return self.version or self.package


def live_release(sagemaker: SageMakerClient, endpoint_name: str) -> Release | None:
    """Return the release that the endpoint serves; None if it serves nothing."""
    return next(releases(sagemaker, endpoint_name), None)


def releases(sagemaker: SageMakerClient, endpoint_name: str) -> Iterator[Release]:
    """Yield the releases of the endpoint, the live one first, as far back as they were kept."""
    name = _live_config(sagemaker, endpoint_name)
    seen: set[str] = set()
    while name and name not in seen:
        seen.add(name)
        try:
            config = sagemaker.describe_endpoint_config(EndpointConfigName=name)
            model = sagemaker.describe_model(
                ModelName=config["ProductionVariants"][0].get("ModelName", "")
            )
        except ClientError as error:
            if code_of(error) != "ValidationException":  # a person has deleted one of them
                raise
            return
        tags = tags_of(sagemaker, config["EndpointConfigArn"])
        container = model.get("PrimaryContainer", {})
        yield Release(container.get("ModelDataUrl", ""), tags.get(VERSION_TAG, ""))
        name = tags.get(PREVIOUS_TAG, "")


def release_before(newest_first: Iterable[Release]) -> Release | None:
    """Return the release to which a rollback goes; None if there is nothing before the live one.

    A release of an earlier package is a rollback to it: what had been released in between does not
    come before it.
    """
    stack: list[Release] = []
    for each in reversed(list(newest_first)):
        packages = [earlier.package for earlier in stack]
        if each.package in packages:
            del stack[packages.index(each.package) :]
        stack.append(each)
    return stack[-2] if len(stack) > 1 else None


def _live_config(sagemaker: SageMakerClient, endpoint_name: str) -> str:
    describe = partial(sagemaker.describe_endpoint, EndpointName=endpoint_name)
    endpoint = find(describe, "ValidationException")
    if endpoint is None or endpoint["EndpointStatus"] in _NOTHING_LIVE:
        return ""
    return endpoint["EndpointConfigName"]
