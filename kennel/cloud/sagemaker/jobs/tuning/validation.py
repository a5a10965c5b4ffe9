"""Refuse CreateHyperParameterTuningJob requests that the service, or the offline cloud, rejects.

Messages marked (seen) are the service's own, from public reports. For the others the API
reference states the rule and no report has the message; docs/offline-jobs.md lists them as
unconfirmed.
"""

import math

from kennel.cloud.runtime.errors import ServiceError
from kennel.cloud.runtime.store import Json
from kennel.cloud.sagemaker.errors import invalid
from kennel.cloud.sagemaker.jobs.training.validation import check_training
from kennel.cloud.sagemaker.jobs.tuning.request import ranges_of, training_request
from kennel.cloud.sagemaker.jobs.validation import refuse_members

#: https://docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning-limits.html
_MAX_JOBS = 750
_MAX_PARALLEL = 100
_MAX_RANGES = 30


def check_tuning(request: Json) -> None:
    """Raise ServiceError for a request that is refused."""
    action = "CreateHyperParameterTuningJob"
    refuse_members(action, request, ("TrainingJobDefinitions", "Autotune"))
    config = request["HyperParameterTuningJobConfig"]
    definition = request.get("TrainingJobDefinition")
    if definition is None:
        raise invalid("A TrainingJobDefinition is required.")
    refuse_members(
        action,
        definition,
        ("HyperParameterRanges", "TuningObjective"),
    )
    if {"ResourceConfig", "HyperParameterTuningResourceConfig"} <= set(definition):
        raise invalid(
            "ResourceConfig and HyperParameterTuningResourceConfig cannot be specified together."
        )
    objective = config.get("HyperParameterTuningJobObjective")
    if objective is None:
        raise invalid("A HyperParameterTuningJobObjective is required.")
    metrics = definition["AlgorithmSpecification"].get("MetricDefinitions", [])
    if objective["MetricName"] not in {each["Name"] for each in metrics}:  # (seen)
        raise invalid(
            "A metric is required for this hyperparameter tuning job objective. Provide a metric "
            "in the metric definitions."
        )
    _check_limits(config)
    ranges = list(ranges_of(config))
    _check_ranges(config["Strategy"], ranges)
    static = set(definition.get("StaticHyperParameters", {}))
    if duplicates := static & {each["Name"] for _, each in ranges}:
        names = ", ".join(sorted(duplicates))
        raise invalid(f"HyperParameters cannot be both tunable and static: [{names}].")
    _check_combinations(config, ranges)
    check_training(training_request(definition, "validation", {}))


def _check_limits(config: Json) -> None:
    limits = config["ResourceLimits"]
    number, parallel = limits.get("MaxNumberOfTrainingJobs"), limits["MaxParallelTrainingJobs"]
    if parallel > _MAX_PARALLEL or (number or 0) > _MAX_JOBS:
        raise ServiceError(
            "ResourceLimitExceeded",
            f"A tuning job may have {_MAX_JOBS} training jobs, {_MAX_PARALLEL} in parallel.",
        )
    if number is None and config["Strategy"] != "Grid":
        raise invalid("MaxNumberOfTrainingJobs is required for this strategy.")
    if number is not None and parallel > number:
        raise invalid(
            f"MaxParallelTrainingJobs [{parallel}] must be less than or equal to "
            f"MaxNumberOfTrainingJobs [{number}]."
        )
    stops_early = config.get("TrainingJobEarlyStoppingType", "Off") == "Auto"
    if config["Strategy"] == "Hyperband" and stops_early:
        raise invalid("TrainingJobEarlyStoppingType must be Off for the strategy Hyperband.")


def _check_ranges(strategy: str, ranges: list[tuple[str, Json]]) -> None:
    if not 1 <= len(ranges) <= _MAX_RANGES:
        raise invalid(f"Provide from 1 to {_MAX_RANGES} hyperparameter ranges.")
    for kind, parameter_range in ranges:
        name = parameter_range["Name"]
        if strategy == "Grid" and kind != "Categorical":
            raise invalid(f"The strategy Grid takes categorical ranges only; {name} is {kind}.")
        if kind == "Categorical":
            continue
        low, high = float(parameter_range["MinValue"]), float(parameter_range["MaxValue"])
        if not low < high:
            raise invalid(f"MinValue must be less than MaxValue for the hyperparameter {name}.")
        scaling = parameter_range.get("ScalingType", "Auto")
        if scaling == "Logarithmic" and low <= 0:
            raise invalid(f"Logarithmic scaling of {name} needs values greater than 0.")
        if scaling == "ReverseLogarithmic" and not (kind == "Continuous" and low >= 0 and high < 1):
            raise invalid(
                f"ReverseLogarithmic scaling of {name} needs a continuous range within [0, 1)."
            )


def _check_combinations(config: Json, ranges: list[tuple[str, Json]]) -> None:
    """Refuse more jobs than there are combinations of hyperparameters."""
    total = math.prod(_combinations(kind, each) for kind, each in ranges)
    number = config["ResourceLimits"].get("MaxNumberOfTrainingJobs")
    if number is not None and total < number:  # (seen)
        raise invalid(
            "You don't have enough combinations of hyperparameter ranges. The total number of "
            f"hyperparameter combinations for the provided ranges [{float(total)}] must be equal "
            f"or greater than the value of MaxNumberOfJobs, [{number}]. Provide additional ranges."
        )


def _combinations(kind: str, parameter_range: Json) -> float:
    if kind == "Categorical":
        return len(parameter_range["Values"])
    if kind == "Continuous":
        return math.inf
    return int(parameter_range["MaxValue"]) - int(parameter_range["MinValue"]) + 1
