"""Register a candidate in the Model Registry, accepted or not, unless it is a version already."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from common.execution import EXECUTION_TAG, Execution

if TYPE_CHECKING:
    from types_boto3_sagemaker.client import SageMakerClient
    from types_boto3_sagemaker.literals import ModelApprovalStatusType
    from types_boto3_sagemaker.type_defs import ModelMetricsTypeDef

__all__ = ["register"]

_MAX_LENGTH = 256  # characters of a metadata value
#: What stands for punctuation in a metadata value, where only some is allowed.
_WORDS = {"%": " percent", "(": "- ", ")": " -", ";": "."}
_NOT_ALLOWED = re.compile(r"[^\w\s.:/=+\-@]")
_CONTENT_TYPES = ["application/x-npy", "image/jpeg"]


def register(
    execution: Execution,
    judgement: Mapping[str, Any],
    image: str,
    group: str,
    sagemaker: SageMakerClient,
) -> dict[str, Any]:
    """Register the candidate as a version of the group, approved or rejected.

    Parameters
    ----------
    judgement
        Output of the state Judge or FindPackage; a candidate that has a `version` is registered
        already.
    image
        URI of the serving image.

    Returns
    -------
    dict
        package_arn, status.
    """
    status: ModelApprovalStatusType = "Approved" if judgement["accepted"] else "Rejected"
    candidate, figures = judgement["candidate"], judgement["evaluation"] or {}
    if candidate.get("version"):
        return {"package_arn": candidate["version"], "status": status}
    live = figures.get("live") or {}
    metrics: ModelMetricsTypeDef = {
        "ModelQuality": {
            "Statistics": {
                "ContentType": "application/json",
                "S3Uri": candidate.get("evaluation_url", ""),
            }
        }
    }
    metadata = {
        EXECUTION_TAG: execution.arn,  # a version has no tags of its own, only the group has
        "kennel:reason": judgement["reason"],
        "kennel:test-photos": figures.get("photos", "none"),
        "kennel:top1": figures.get("top1", "none"),
        "kennel:live-model": live.get("model", "none"),
        "kennel:live-top1": live.get("top1", "none"),
        "kennel:difference": live.get("difference", "none"),
        "kennel:smoke-breed": candidate["smoke_breed"],
    }
    version = sagemaker.create_model_package(
        ModelPackageGroupName=group,
        ModelPackageDescription=judgement["reason"][:1024],
        ModelApprovalStatus=status,
        ClientToken=execution.digest,  # the same token returns the same version
        InferenceSpecification={
            "Containers": [{"Image": image, "ModelDataUrl": candidate["model_data_url"]}],
            "SupportedContentTypes": _CONTENT_TYPES,
            "SupportedResponseMIMETypes": ["application/json"],
        },
        ModelMetrics=metrics if "evaluation_url" in candidate else {},
        CustomerMetadataProperties={key: _text(value) for key, value in metadata.items()},
    )
    return {"package_arn": version["ModelPackageArn"], "status": status}


def _text(value: object) -> str:
    """Convert a value to the characters that the registry accepts, cut between two words."""
    text = f"{value:.4f}" if isinstance(value, float) else str(value)
    for mark, word in _WORDS.items():
        text = text.replace(mark, word)
    words = " ".join(_NOT_ALLOWED.sub("", text).split())
    if len(words) <= _MAX_LENGTH:
        return words
    return words[: _MAX_LENGTH - 3].rpartition(" ")[0] + "..."
