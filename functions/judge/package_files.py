"""Copy the small files out of a trained package, for the states after training.

A training job writes `models/<job>/output/model.tar.gz`. Its evaluation, breeds and smoke photo are
copied to `models/<job>/parts/`, where each later state reads only the file that it needs, as with a
bundle.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from common.failures import PackageBroken
from common.package import read_files

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client

__all__ = ["PackageFiles", "publish_package_files"]

EVALUATION, BREEDS, CARD, SMOKE = "evaluation.json", "breeds.json", "card.json", "smoke.jpg"
_CONTENT_TYPES = {
    EVALUATION: "application/json",
    BREEDS: "application/json",
    CARD: "application/json",
    SMOKE: "image/jpeg",
}


@dataclass(frozen=True, slots=True)
class PackageFiles:
    """The files of a package that were copied."""

    package: str  # key of model.tar.gz
    prefix: str  # of the copies, with the slash
    evaluation: dict[str, Any]
    smoke_breed: str

    def candidate(self, bucket: str) -> dict[str, str]:
        """Describe the package with the fields that PublishBundle has for the pretrained one."""
        return {
            "prefix": self.prefix,
            "model_data_url": f"s3://{bucket}/{self.package}",
            "smoke_breed": self.smoke_breed,
            "evaluation_url": f"s3://{bucket}/{self.prefix}{EVALUATION}",
        }


def publish_package_files(s3: S3Client, bucket: str, job_name: str) -> PackageFiles:
    """Copy the files out of a job's package; idempotent.

    Raises
    ------
    PackageBroken
        The package is missing, is not a .tar.gz, or lacks a file.
    """
    package, prefix = f"models/{job_name}/output/model.tar.gz", f"models/{job_name}/parts/"
    files = read_files(s3, bucket, package, _CONTENT_TYPES)
    try:
        evaluation, card = json.loads(files[EVALUATION]), json.loads(files[CARD])
        smoke_breed = card["smoke_breed"]
    except (ValueError, LookupError, TypeError) as error:
        raise PackageBroken(
            f"In {package} {EVALUATION} or {CARD} is not what model/train.py writes: {error!r}."
        ) from error
    for name, content in files.items():
        s3.put_object(
            Bucket=bucket, Key=prefix + name, Body=content, ContentType=_CONTENT_TYPES[name]
        )
    return PackageFiles(package, prefix, evaluation, smoke_breed)
