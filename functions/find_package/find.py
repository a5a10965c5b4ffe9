"""Find the model package of a release without training, and copy it below the packages' prefix.

"live"                              the live model's: again, with the stack's present parameters
arn:aws:...:model-package/kennel/3  an approved version's
s3://bucket/packages/.../           a package in the bucket, released by hand
None                                the bundle's pretrained one
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from common.execution import VERSION_TAG
from common.failures import PackageBroken, ReleaseRefused
from common.live import releasable_config, releasable_package
from common.package import CARD, EVALUATION, KEPT, Package, keep_package, read_files, read_package
from common.sagemaker import describe_or_none
from common.tags import tags_of

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client
    from types_boto3_sagemaker.client import SageMakerClient

__all__ = ["LIVE", "READABLE", "find_package"]

LIVE = "live"
READABLE = (KEPT, "models/", "code/")  # where this function's role may read packages
_ENGINE = "openvino"  # runs the network; it reads what older versions of it have written
_YEAR_AND_RELEASE = re.compile(r"(\d+)\.(\d+)")


@dataclass(frozen=True, slots=True)
class _Source:
    key: str
    reason: str  # a sentence: why it is released
    version: str = ""  # its ARN in the registry, if it has one


def find_package(  # noqa: PLR0917
    release: str | None,
    bundle: Mapping[str, str],
    endpoint_name: str,
    bucket: str,
    sagemaker: SageMakerClient,
    s3: S3Client,
) -> dict[str, Any]:
    """Find the package that `release` names, check it, and copy it to `packages/`; idempotent.

    Parameters
    ----------
    release
        Of the execution's input, as Preflight has checked it; None without photos.
    bundle
        Output of PublishBundle.

    Returns
    -------
    dict
        As Judge: accepted, reason, evaluation, and candidate, here also with its version.

    Raises
    ------
    ReleaseRefused
        There is no such version, it is not approved, or nothing is live.
    LiveModelUnusable
        See `releasable_config` and `releasable_package`.
    PackageBroken
        The package is missing or not valid, or made with a newer framework than serves it.
    """
    pretrained = bundle["model_data_url"].removeprefix(f"s3://{bucket}/")
    if release is None:
        source = _Source(
            pretrained, "There are no photos in the bucket, so the pretrained model is released."
        )
    elif release == LIVE:
        source = _live(endpoint_name, bucket, sagemaker)
    elif release.startswith("s3://"):
        source = _Source(_key(release, bucket), f"A person has released {release} by hand.")
    else:
        source = _version(release, endpoint_name, bucket, sagemaker)
    package = read_package(s3, bucket, source.key)
    if source.key != pretrained:
        _check_framework(package, read_files(s3, bucket, pretrained, {CARD})[CARD])
    candidate = keep_package(s3, bucket, package)
    return {
        "accepted": True,
        "reason": source.reason,
        "evaluation": _figures(package),
        "candidate": {**candidate, "version": source.version},
    }


def _live(endpoint_name: str, bucket: str, sagemaker: SageMakerClient) -> _Source:
    config = releasable_config(sagemaker, endpoint_name)
    if config is None:
        raise ReleaseRefused(
            f"The endpoint {endpoint_name} has no live model to release again: release a version "
            "by its ARN, or a package by `kennel release`."
        )
    key = releasable_package(sagemaker, endpoint_name, config, bucket, READABLE)
    version = tags_of(sagemaker, config["EndpointConfigArn"]).get(VERSION_TAG, "")
    return _Source(key, "The live model is released again.", version)


def _version(arn: str, endpoint_name: str, bucket: str, sagemaker: SageMakerClient) -> _Source:
    version = describe_or_none(sagemaker.describe_model_package, ModelPackageName=arn)
    if version is None:
        raise ReleaseRefused(
            f"There is no version {arn}: `aws sagemaker list-model-packages "
            f"--model-package-group-name {endpoint_name}` lists them."
        )
    status = version["ModelApprovalStatus"]
    if status != "Approved":
        raise ReleaseRefused(
            f"The version {arn} is {status}, and only an approved one is released: approve it by "
            f"`aws sagemaker update-model-package --model-package-arn {arn} "
            "--model-approval-status Approved`."
        )
    containers = version.get("InferenceSpecification", {}).get("Containers", [])
    url = containers[0].get("ModelDataUrl", "") if containers else ""
    number = arn.rpartition("/")[2]
    return _Source(_key(url, bucket), f"A person has released the version {number}.", arn)


def _key(url: str, bucket: str) -> str:
    key = url.removeprefix(f"s3://{bucket}/")
    if not key.startswith(READABLE):
        places = ", ".join(f"s3://{bucket}/{prefix}" for prefix in READABLE)
        raise ReleaseRefused(
            f"The package {url or 'without ModelDataUrl'} is in none of {places}: copy it there."
        )
    return key


def _check_framework(package: Package, pretrained_card: bytes) -> None:
    """Refuse a package made with a newer engine than the serving image of this bundle has."""
    ours = Package("the bundle", "", "", {CARD: pretrained_card})
    made, served = _engine(package), _engine(ours)
    if _release_of(made) > _release_of(served):
        raise PackageBroken(
            f"{package.key} was made with {_ENGINE} {made}, and the serving image has {served}, "
            "which may not read it: train it with this version of Kennel, or deploy the newer one."
        )


def _engine(package: Package) -> str:
    try:
        return str(package.parsed(CARD)["made_with"][_ENGINE])
    except (LookupError, TypeError) as error:
        raise package.broken(CARD, error) from error


def _release_of(version: str) -> tuple[int, int]:
    match = _YEAR_AND_RELEASE.match(version)
    return (int(match[1]), int(match[2])) if match else (0, 0)


def _figures(package: Package) -> dict[str, Any] | None:
    """Return the figures that Judge returns, with live None; None if it has no evaluation."""
    if EVALUATION not in package.files:
        return None
    evaluation = package.parsed(EVALUATION)
    try:
        figures = {name: evaluation[name] for name in ("photos", "top1", "top1_interval")}
    except (LookupError, TypeError) as error:
        raise package.broken(EVALUATION, error) from error
    return {**figures, "live": None}
