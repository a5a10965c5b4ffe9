"""A trained candidate in the Model Registry, released or not: what it is, and why so."""

import re
from collections.abc import Mapping
from typing import Any, Protocol

from common.execution import EXECUTION_TAG, Execution

__all__ = ["SageMaker", "register"]

_LONGEST = 256  # characters of a metadata value
_NOT_ALLOWED = re.compile(r"[^\w\s.:/=+\-@]")
_CONTENT_TYPES = ["application/x-npy", "image/jpeg"]


class SageMaker(Protocol):
    """What is needed of boto3's `sagemaker` client."""

    def create_model_package(self, **request: Any) -> dict[str, Any]:
        """Register a version; the same token gives the same version."""


def register(
    execution: Execution,
    judgement: Mapping[str, Any],
    image: str,
    group: str,
    sagemaker: SageMaker,
) -> dict[str, Any]:
    """Register the candidate as a version of the group, approved or rejected.

    Parameters
    ----------
    judgement
        What the state Judge has said.
    image
        URI of the image that serves it.

    Returns
    -------
    dict
        package_arn, status.
    """
    candidate, numbers = judgement["candidate"], judgement["evaluation"]
    live = numbers["live"] or {}
    status = "Approved" if judgement["accepted"] else "Rejected"
    told = {
        EXECUTION_TAG: execution.arn,  # a version takes no tags, they are the group's
        "kennel:reason": judgement["reason"],
        "kennel:test-photos": numbers["photos"],
        "kennel:top1": numbers["top1"],
        "kennel:live-model": live.get("model", "none"),
        "kennel:live-top1": live.get("top1", "none"),
        "kennel:difference": live.get("difference", "none"),
        "kennel:smoke-breed": candidate["smoke_breed"],
    }
    answer = sagemaker.create_model_package(
        ModelPackageGroupName=group,
        ModelPackageDescription=judgement["reason"][:1024],
        ModelApprovalStatus=status,
        ClientToken=execution.digest,
        InferenceSpecification={
            "Containers": [{"Image": image, "ModelDataUrl": candidate["model_data_url"]}],
            "SupportedContentTypes": _CONTENT_TYPES,
            "SupportedResponseMIMETypes": ["application/json"],
        },
        ModelMetrics={
            "ModelQuality": {
                "Statistics": {
                    "ContentType": "application/json",
                    "S3Uri": candidate["evaluation_url"],
                }
            }
        },
        CustomerMetadataProperties={key: _text(value) for key, value in told.items()},
    )
    return {"package_arn": answer["ModelPackageArn"], "status": status}


def _text(value: object) -> str:
    """Write a value in the characters that the registry takes."""
    text = f"{value:.4f}" if isinstance(value, float) else str(value)
    return _NOT_ALLOWED.sub(" ", text)[:_LONGEST]
