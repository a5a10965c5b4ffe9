"""Start a hyperparameter tuning job over the bundle's search space."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from common.aws import error_code
from common.failures import PreflightFailed
from common.sagemaker import adopt
from common.tags import as_list
from common.training import Job, TrainingSettings, read_objective

if TYPE_CHECKING:
    from types_boto3_sagemaker.client import SageMakerClient
    from types_boto3_sagemaker.type_defs import (
        CategoricalParameterRangeTypeDef,
        ContinuousParameterRangeTypeDef,
        HyperParameterTrainingJobDefinitionTypeDef,
        IntegerParameterRangeTypeDef,
        ParameterRangesTypeDef,
    )

__all__ = ["parameter_ranges", "start_tuning"]

_SEED = 20  # the same search proposes the same values again


def start_tuning(
    job: Job,
    tune: Mapping[str, int],
    search_space: Mapping[str, Any],
    settings: TrainingSettings,
    sagemaker: SageMakerClient,
) -> dict[str, Any]:
    """Start the search; a second call with the same input returns the first call's job.

    Parameters
    ----------
    tune
        max_jobs, and parallel: how many run at the same time.
    search_space
        Contents of `search_space.json`.

    Returns
    -------
    dict
        job_name.

    Raises
    ------
    JobRefused
        A job of this name belongs to another execution, or has failed.
    PreflightFailed
        Nothing is left to search; Preflight itself runs before the search space is published.
    """
    name = job.execution.tuning_job
    ranges = parameter_ranges(search_space, set(job.hyperparameters))
    if not ranges:
        searched = ", ".join(each["name"] for each in search_space["parameters"])
        raise PreflightFailed(
            [
                f"The input asks for a search and fixes all that is searched ({searched}): leave "
                "one of these out of hyperparameters, or leave tune out for one training."
            ]
        )
    objective = read_objective(search_space)
    definition: HyperParameterTrainingJobDefinitionTypeDef = {
        "AlgorithmSpecification": {
            "TrainingImage": settings.image,
            "TrainingInputMode": "File",
            "MetricDefinitions": objective.definitions,
        },
        "StaticHyperParameters": job.script(settings) | dict(job.hyperparameters),
        **job.fields(settings),  # type: ignore[typeddict-item]  # mypy misses optional keys
    }
    try:
        sagemaker.create_hyper_parameter_tuning_job(
            HyperParameterTuningJobName=name,
            HyperParameterTuningJobConfig={
                "Strategy": "Bayesian",
                "HyperParameterTuningJobObjective": {
                    "Type": "Minimize" if objective.direction == "minimize" else "Maximize",
                    "MetricName": objective.metric,
                },
                "ResourceLimits": {
                    "MaxNumberOfTrainingJobs": tune["max_jobs"],
                    "MaxParallelTrainingJobs": tune["parallel"],
                },
                "ParameterRanges": ranges,
                "RandomSeed": _SEED,
            },
            TrainingJobDefinition=definition,
            Tags=as_list(job.execution.tags),
        )
    except ClientError as error:
        if error_code(error) != "ResourceInUse":
            raise
        existing = sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
        return adopt(sagemaker, job.execution, existing, "HyperParameterTuningJob")
    return {"job_name": name}


def parameter_ranges(search_space: Mapping[str, Any], fixed: set[str]) -> ParameterRangesTypeDef:
    """Convert a search space to the API's form, with numbers as text.

    Parameters
    ----------
    fixed
        Hyperparameters given in the execution's input, which are not searched.
    """
    categorical: list[CategoricalParameterRangeTypeDef] = []
    integer: list[IntegerParameterRangeTypeDef] = []
    continuous: list[ContinuousParameterRangeTypeDef] = []
    for parameter in search_space["parameters"]:
        name = parameter["name"]
        if name in fixed:
            continue
        if parameter["type"] == "categorical":
            values = [str(value) for value in parameter["values"]]
            categorical.append({"Name": name, "Values": values})
        else:
            (integer if parameter["type"] == "int" else continuous).append(
                {
                    "Name": name,
                    "MinValue": str(parameter["low"]),
                    "MaxValue": str(parameter["high"]),
                    "ScalingType": "Logarithmic" if parameter.get("log") else "Linear",
                }
            )
    ranges: ParameterRangesTypeDef = {}
    if categorical:
        ranges["CategoricalParameterRanges"] = categorical
    if integer:
        ranges["IntegerParameterRanges"] = integer
    if continuous:
        ranges["ContinuousParameterRanges"] = continuous
    return ranges
