"""Start one training job, which also evaluates the live model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from common.aws import error_code
from common.live import live_package
from common.sagemaker import adopt
from common.tags import as_list
from common.training import Job, TrainingSettings, read_objective

if TYPE_CHECKING:
    from types_boto3_sagemaker.client import SageMakerClient

__all__ = ["start_training"]


def start_training(
    job: Job,
    tuned: Mapping[str, str],
    search_space: Mapping[str, Any],
    settings: TrainingSettings,
    sagemaker: SageMakerClient,
) -> dict[str, Any]:
    """Start the job; a second call with the same input returns the first call's job.

    Parameters
    ----------
    tuned
        Best hyperparameters of the search, empty without one.
    search_space
        Contents of `search_space.json`; SageMaker's console shows its metric.

    Returns
    -------
    dict
        job_name.

    Raises
    ------
    JobRefused
        A job of this name belongs to another execution, or has failed.
    LiveModelUnusable
        The live model cannot be compared with: it has changed since Preflight.
    """
    name = job.execution.training_job
    live = live_package(sagemaker, settings.endpoint_name, settings.bucket)
    try:
        sagemaker.create_training_job(
            **job.fields(settings, f"s3://{settings.bucket}/{live}" if live else None),
            TrainingJobName=name,
            AlgorithmSpecification={
                "TrainingImage": settings.image,
                "TrainingInputMode": "File",
                "MetricDefinitions": read_objective(search_space).definitions,
            },
            HyperParameters=dict(job.hyperparameters)
            | _without_private(tuned)
            | job.script(settings),
            ProfilerConfig={"DisableProfiler": True},  # it costs, and training has rules of its own
            Tags=as_list(job.execution.tags),
        )
    except ClientError as error:
        if error_code(error) != "ResourceInUse":
            raise
        existing = sagemaker.describe_training_job(TrainingJobName=name)
        return adopt(sagemaker, job.execution, existing, "TrainingJob")
    return {"job_name": name}


def _without_private(tuned: Mapping[str, str]) -> dict[str, str]:
    """Leave out the hyperparameters that the tuning service adds for its own use."""
    return {name: value for name, value in tuned.items() if not name.startswith("_")}
