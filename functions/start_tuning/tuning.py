"""A search over the bundle's search space by SageMaker's tuning service."""

from collections.abc import Mapping
from typing import Any, Protocol

from botocore.exceptions import ClientError

from common.aws import code_of
from common.sagemaker import adopt
from common.tags import as_list
from common.training import Job, Settings, objective

__all__ = ["SageMaker", "ranges", "start_tuning"]

_SEED = 20  # the same search proposes the same values again


class SageMaker(Protocol):
    """What is needed of boto3's `sagemaker` client."""

    def create_hyper_parameter_tuning_job(self, **request: Any) -> dict[str, Any]:
        """Start a search; answers before it has begun."""

    def describe_hyper_parameter_tuning_job(self, **request: Any) -> dict[str, Any]:
        """Status, counts and the best job so far."""

    def list_tags(self, **request: Any) -> dict[str, Any]:
        """Tags of one ARN."""


def start_tuning(
    job: Job,
    tune: Mapping[str, int],
    space: Mapping[str, Any],
    settings: Settings,
    sagemaker: SageMaker,
) -> dict[str, Any]:
    """Start the search; a second call with the same input finds what the first has started.

    Parameters
    ----------
    tune
        max_jobs, and how many of them in parallel.
    space
        What `search_space.json` holds.

    Returns
    -------
    dict
        job_name.

    Raises
    ------
    JobRefused
        A job of this name is another execution's, or has failed.
    """
    name = job.execution.tuning_job
    aim = objective(space)
    try:
        sagemaker.create_hyper_parameter_tuning_job(
            HyperParameterTuningJobName=name,
            HyperParameterTuningJobConfig={
                "Strategy": "Bayesian",
                "HyperParameterTuningJobObjective": {
                    "Type": aim.direction.capitalize(),
                    "MetricName": aim.metric,
                },
                "ResourceLimits": {
                    "MaxNumberOfTrainingJobs": tune["max_jobs"],
                    "MaxParallelTrainingJobs": tune["parallel"],
                },
                "ParameterRanges": ranges(space, set(job.hyperparameters)),
                "RandomSeed": _SEED,
            },
            TrainingJobDefinition={
                **job.request(settings, aim),
                "StaticHyperParameters": job.script(settings) | dict(job.hyperparameters),
            },
            Tags=as_list(job.execution.tags),
        )
    except ClientError as error:
        if code_of(error) != "ResourceInUse":
            raise
        there = sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
        return adopt(sagemaker, job.execution, there, "HyperParameterTuningJob")
    return {"job_name": name}


def ranges(space: Mapping[str, Any], fixed: set[str]) -> dict[str, list[dict[str, Any]]]:
    """Write a search space as SageMaker wants it, numbers as text; what is fixed is not searched.

    Parameters
    ----------
    fixed
        Names that the person has given a value.
    """
    found: dict[str, list[dict[str, Any]]] = {}
    for each in space["parameters"]:
        if each["name"] in fixed:
            continue
        if each["type"] == "categorical":
            values = [str(value) for value in each["values"]]
            found.setdefault("CategoricalParameterRanges", []).append(
                {"Name": each["name"], "Values": values}
            )
        else:
            kind = "Integer" if each["type"] == "int" else "Continuous"
            found.setdefault(f"{kind}ParameterRanges", []).append(
                {
                    "Name": each["name"],
                    "MinValue": str(each["low"]),
                    "MaxValue": str(each["high"]),
                    "ScalingType": "Logarithmic" if each.get("log") else "Linear",
                }
            )
    return found
