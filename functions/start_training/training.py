"""One training with given hyperparameters, which also evaluates the live model."""

from collections.abc import Mapping
from typing import Any, Protocol

from botocore.exceptions import ClientError

from common.aws import code_of
from common.sagemaker import adopt, describe_endpoint, described
from common.tags import as_list
from common.training import Job, Settings, objective

__all__ = ["SageMaker", "live_package", "start_training"]


class SageMaker(Protocol):
    """What is needed of boto3's `sagemaker` client."""

    def create_training_job(self, **request: Any) -> dict[str, Any]:
        """Start a job; answers before it has begun."""

    def describe_training_job(self, **request: Any) -> dict[str, Any]:
        """Status, and why it failed."""

    def list_tags(self, **request: Any) -> dict[str, Any]:
        """Tags of one ARN."""

    def describe_endpoint(self, **request: Any) -> dict[str, Any]:
        """Give the name of the live configuration."""

    def describe_endpoint_config(self, **request: Any) -> dict[str, Any]:
        """Give the name of its model."""

    def describe_model(self, **request: Any) -> dict[str, Any]:
        """Where its package lies."""


def start_training(
    job: Job,
    tuned: Mapping[str, str],
    space: Mapping[str, Any],
    settings: Settings,
    sagemaker: SageMaker,
) -> dict[str, Any]:
    """Start the job; a second call with the same input finds what the first has started.

    Parameters
    ----------
    tuned
        Best hyperparameters of the search, empty without one.
    space
        What `search_space.json` holds: its metric shows in SageMaker's console.

    Returns
    -------
    dict
        job_name.

    Raises
    ------
    JobRefused
        A job of this name is another execution's, or has failed.
    """
    name = job.execution.training_job
    live = live_package(sagemaker, settings)
    try:
        sagemaker.create_training_job(
            **job.request(settings, objective(space), live),
            TrainingJobName=name,
            HyperParameters=dict(job.hyperparameters) | _own(tuned) | job.script(settings),
            ProfilerConfig={
                "DisableProfiler": True
            },  # it costs, and model/dogbreeds/watch/watch.py does its work
            Tags=as_list(job.execution.tags),
        )
    except ClientError as error:
        if code_of(error) != "ResourceInUse":
            raise
        there = sagemaker.describe_training_job(TrainingJobName=name)
        return adopt(sagemaker, job.execution, there, "TrainingJob")
    return {"job_name": name}


def live_package(sagemaker: SageMaker, settings: Settings) -> str | None:
    """Find the package of the live model: None without one, or where the role may not read it."""
    endpoint = describe_endpoint(sagemaker, settings.endpoint_name)
    if endpoint is None:
        return None
    name = endpoint["EndpointConfigName"]
    config = described(sagemaker.describe_endpoint_config, EndpointConfigName=name)
    if config is None:
        return None
    model = described(
        sagemaker.describe_model, ModelName=config["ProductionVariants"][0]["ModelName"]
    )
    url: str | None = (model or {}).get("PrimaryContainer", {}).get("ModelDataUrl")
    own = url is not None and url.startswith(f"s3://{settings.bucket}/")
    return url if own else None


def _own(tuned: Mapping[str, str]) -> dict[str, str]:
    """Leave out what the tuning service adds for itself."""
    return {name: value for name, value in tuned.items() if not name.startswith("_")}
