"""Judge a trained model package, and copy an accepted one below the packages' prefix.

A training job writes `models/<job>/output/model.tar.gz`, and its role could overwrite that at any
time. So what is accepted is copied to `packages/<digest>/`, and later states read only there. Of a
rejected package only the evaluation is copied, to `models/<job>/parts/`, for the registry.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from common.package import EVALUATION, Package, keep_package, read_package
from judge.verdict import AcceptanceCriteria, judge

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client

__all__ = ["judge_package"]


def judge_package(
    s3: S3Client, bucket: str, job_name: str, criteria: AcceptanceCriteria
) -> dict[str, Any]:
    """Judge the package that a training job wrote, and copy it if accepted; idempotent.

    Returns
    -------
    dict
        accepted, reason, evaluation (see `judge`), and candidate: prefix, model_data_url,
        smoke_breed, evaluation_url.

    Raises
    ------
    PackageBroken
        The package is missing, is not a .tar.gz, or lacks a file.
    """
    package = read_package(s3, bucket, f"models/{job_name}/output/model.tar.gz")
    verdict = judge(package.parsed(EVALUATION), criteria)
    keep = keep_package if verdict["accepted"] else _leave
    return {**verdict, "candidate": keep(s3, bucket, package)}


def _leave(s3: S3Client, bucket: str, package: Package) -> dict[str, str]:
    prefix = package.key.replace("/output/model.tar.gz", "/parts/")
    s3.put_object(
        Bucket=bucket,
        Key=prefix + EVALUATION,
        Body=package.files[EVALUATION],
        ContentType="application/json",
    )
    return {
        "prefix": prefix,
        "model_data_url": f"s3://{bucket}/{package.key}",
        "smoke_breed": package.smoke_breed,
        "evaluation_url": f"s3://{bucket}/{prefix}{EVALUATION}",
    }
