"""What the service demands of a job and its model in botocore does not say.

Words marked (seen) are those of the service, from public reports of the error. The others are
ours: the API reference states the rule and nobody has shown the sentence.
docs/offline-cloud.md lists them as unconfirmed.
"""

import math
import re
from collections.abc import Iterator
from typing import Any

from kennel.cloud.runtime.store import Json
from kennel.cloud.sagemaker.errors import ServiceError, invalid

#: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_StoppingCondition.html
MOST_RUNTIME = 28 * 86400

#: Members of a training job that the offline cloud cannot honour, and any of whose values would
#: change what the job does.
_TRAINING_MISSING = (
    "AlgorithmSpecification.AlgorithmName",
    "AlgorithmSpecification.ContainerEntrypoint",
    "AlgorithmSpecification.ContainerArguments",
    "AlgorithmSpecification.TrainingImageConfig",
    "ResourceConfig.InstanceGroups",
    "ResourceConfig.KeepAlivePeriodInSeconds",
    "ServerlessJobConfig",
    "ModelPackageConfig",
    "SessionChainingConfig",
    "InfraCheckConfig",
    "RetryStrategy",
    "VpcConfig",
    "DebugHookConfig",  # Debugger takes no new customers since 2026-07-30
    "DebugRuleConfigurations",
    "ProfilerRuleConfigurations",
    "RemoteDebugConfig",
    "MlflowConfig",
)
_CHANNEL_MISSING = ("DataSource.FileSystemDataSource", "DataSource.DatasetSource", "ShuffleConfig")


def check_training(request: Json) -> None:
    """Raise ServiceError for a training job that the service, or the offline cloud, refuses."""
    _refuse_missing("CreateTrainingJob", request, _TRAINING_MISSING)
    algorithm = request.get("AlgorithmSpecification")
    if not algorithm or "TrainingImage" not in algorithm:
        raise invalid("AlgorithmSpecification must name a TrainingImage or an AlgorithmName.")
    resources = request.get("ResourceConfig")
    if not resources or not {"InstanceType", "InstanceCount"} <= set(resources):
        raise invalid("ResourceConfig must have InstanceType and InstanceCount.")
    if resources["InstanceCount"] < 1:
        raise invalid("ResourceConfig.InstanceCount must be greater than or equal to 1.")
    if "StoppingCondition" not in request:
        raise invalid("StoppingCondition must be present.")
    _check_stopping(request["StoppingCondition"], request.get("EnableManagedSpotTraining", False))
    _check_channels(request.get("InputDataConfig", []), algorithm["TrainingInputMode"])
    _check_metrics(algorithm.get("MetricDefinitions", []))
    _refuse_value("CreateTrainingJob", "OutputDataConfig.CompressionType", request, {"GZIP"})
    for part in ("CheckpointConfig", "TensorBoardOutputConfig"):
        path = request.get(part, {}).get("LocalPath", "/opt/ml")
        if not re.fullmatch(r"/opt/ml(/[\w.-]+)*", path) or "/.." in path:
            raise _missing("CreateTrainingJob", f"{part}.LocalPath outside /opt/ml ({path})")


def _check_stopping(condition: Json, spot: bool) -> None:
    runtime = condition.get("MaxRuntimeInSeconds", 86400)
    if runtime > MOST_RUNTIME:
        raise invalid(f"MaxRuntimeInSeconds must be less than or equal to {MOST_RUNTIME}.")
    wait = condition.get("MaxWaitTimeInSeconds")
    if wait is not None and not spot:  # (seen)
        raise invalid(
            "Invalid MaxWaitTimeInSeconds. It is only supported when EnableManagedSpotTraining "
            "is set to true"
        )
    if spot and (wait is None or wait < runtime):  # (seen)
        raise invalid(
            "Invalid MaxWaitTimeInSeconds. It must be present and be greater than or equal to "
            "MaxRuntimeInSeconds"
        )


def _check_channels(channels: list[Json], mode: str) -> None:
    names = [channel["ChannelName"] for channel in channels]
    if len(set(names)) < len(names):
        raise invalid("Duplicate channel names are not allowed in InputDataConfig.")
    for channel in channels:
        _refuse_missing("CreateTrainingJob", channel, _CHANNEL_MISSING)
        if "S3DataSource" not in channel["DataSource"]:
            raise invalid(f"Channel {channel['ChannelName']} must have a data source.")
        _refuse_value(
            "CreateTrainingJob", "DataSource.S3DataSource.S3DataType", channel, {"S3Prefix"}
        )
        _refuse_value("CreateTrainingJob", "CompressionType", channel, {"None"})
        _refuse_value("CreateTrainingJob", "RecordWrapperType", channel, {"None"})
        if channel.get("InputMode", mode) == "Pipe":
            raise _missing("CreateTrainingJob", "input mode Pipe")


def _check_metrics(definitions: list[Json]) -> None:
    for definition in definitions:
        try:
            groups = re.compile(definition["Regex"]).groups
        except re.error as error:
            raise invalid(
                f"Invalid regular expression for metric {definition['Name']}: {error}."
            ) from error
        if groups < 1:
            raise invalid(
                f"The regular expression for metric {definition['Name']} has no capturing group."
            )


#: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTransformJob.html
_MOST_MEGABYTES = 100  # MaxConcurrentTransforms times MaxPayloadInMB

_MOST_JOBS = 750  # a tuning job; https://docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning-limits.html
_MOST_PARALLEL = 100
_MOST_RANGES = 30


def check_tuning(request: Json) -> None:
    """Raise ServiceError for a tuning job that the service, or the offline cloud, refuses."""
    operation = "CreateHyperParameterTuningJob"
    _refuse_missing(operation, request, ("TrainingJobDefinitions", "Autotune"))
    config = request["HyperParameterTuningJobConfig"]
    definition = request.get("TrainingJobDefinition")
    if definition is None:
        raise invalid("A TrainingJobDefinition is required.")
    _refuse_missing(
        operation,
        definition,
        ("HyperParameterRanges", "TuningObjective", "HyperParameterTuningResourceConfig"),
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
    both = {each["Name"] for _, each in ranges} & set(definition.get("StaticHyperParameters", {}))
    if both:
        raise invalid(
            f"HyperParameters cannot be both tunable and static: [{', '.join(sorted(both))}]."
        )
    _check_combinations(config, ranges)
    check_training(training_request(definition, "constraints", {}))


def check_transform(request: Json) -> None:
    """Raise ServiceError for a transform job that the service, or the offline cloud, refuses."""
    operation = "CreateTransformJob"
    _refuse_missing(operation, request, ("DataProcessing", "DataCaptureConfig"))
    given = request["TransformInput"]
    _refuse_value(operation, "DataSource.S3DataSource.S3DataType", given, {"S3Prefix"})
    _refuse_value(operation, "CompressionType", given, {"None"})
    _refuse_value(operation, "SplitType", given, {"None", "Line"})
    if request["TransformResources"]["InstanceCount"] < 1:
        raise invalid("TransformResources.InstanceCount must be greater than or equal to 1.")
    most, at_once = request.get("MaxPayloadInMB", 6), request.get("MaxConcurrentTransforms", 0)
    if most * at_once > _MOST_MEGABYTES:
        raise invalid(
            f"MaxConcurrentTransforms * MaxPayloadInMB must not exceed {_MOST_MEGABYTES} MB."
        )


def ranges_of(config: Json) -> Iterator[tuple[str, Json]]:
    """Yield (Integer, Continuous or Categorical; the range) for each tuned hyperparameter."""
    ranges = config.get("ParameterRanges", {})
    if ranges.get("AutoParameters"):
        raise _missing("CreateHyperParameterTuningJob", "AutoParameters")
    for kind in ("Integer", "Continuous", "Categorical"):
        for each in ranges.get(f"{kind}ParameterRanges", []):
            yield kind, each


def training_request(definition: Json, name: str, hyperparameters: dict[str, str]) -> Json:
    """Return the CreateTrainingJob request of one job of a tuning job."""
    copied = {
        key: value
        for key, value in definition.items()
        if key not in {"StaticHyperParameters", "DefinitionName", "TuningObjective"}
    }
    return {**copied, "TrainingJobName": name, "HyperParameters": hyperparameters}


def _check_limits(config: Json) -> None:
    limits = config["ResourceLimits"]
    most, parallel = limits.get("MaxNumberOfTrainingJobs"), limits["MaxParallelTrainingJobs"]
    if parallel > _MOST_PARALLEL or (most or 0) > _MOST_JOBS:
        raise ServiceError(
            "ResourceLimitExceeded",
            f"A tuning job may have {_MOST_JOBS} training jobs, {_MOST_PARALLEL} in parallel.",
        )
    if most is None and config["Strategy"] != "Grid":
        raise invalid("MaxNumberOfTrainingJobs is required for this strategy.")
    if most is not None and parallel > most:
        raise invalid(
            f"MaxParallelTrainingJobs [{parallel}] must be less than or equal to "
            f"MaxNumberOfTrainingJobs [{most}]."
        )
    stops_early = config.get("TrainingJobEarlyStoppingType", "Off") == "Auto"
    if config["Strategy"] == "Hyperband" and stops_early:
        raise invalid("TrainingJobEarlyStoppingType must be Off for the strategy Hyperband.")


def _check_ranges(strategy: str, ranges: list[tuple[str, Json]]) -> None:
    if not 1 <= len(ranges) <= _MOST_RANGES:
        raise invalid(f"Provide from 1 to {_MOST_RANGES} hyperparameter ranges.")
    for kind, each in ranges:
        name = each["Name"]
        if strategy == "Grid" and kind != "Categorical":
            raise invalid(f"The strategy Grid takes categorical ranges only; {name} is {kind}.")
        if kind == "Categorical":
            continue
        low, high = float(each["MinValue"]), float(each["MaxValue"])
        if not low < high:
            raise invalid(f"MinValue must be less than MaxValue for the hyperparameter {name}.")
        scaling = each.get("ScalingType", "Auto")
        if scaling == "Logarithmic" and low <= 0:
            raise invalid(f"Logarithmic scaling of {name} needs values greater than 0.")
        if scaling == "ReverseLogarithmic" and not (kind == "Continuous" and low >= 0 and high < 1):
            raise invalid(
                f"ReverseLogarithmic scaling of {name} needs a continuous range within [0, 1)."
            )


def _check_combinations(config: Json, ranges: list[tuple[str, Json]]) -> None:
    """Refuse more jobs than there are different hyperparameters."""
    total = math.prod(_size(kind, each) for kind, each in ranges)
    most = config["ResourceLimits"].get("MaxNumberOfTrainingJobs")
    if most is not None and total < most:  # (seen)
        raise invalid(
            "You don't have enough combinations of hyperparameter ranges. The total number of "
            f"hyperparameter combinations for the provided ranges [{float(total)}] must be equal "
            f"or greater than the value of MaxNumberOfJobs, [{most}]. Provide additional ranges."
        )


def _size(kind: str, each: Json) -> float:
    if kind == "Categorical":
        return len(each["Values"])
    return math.inf if kind == "Continuous" else int(each["MaxValue"]) - int(each["MinValue"]) + 1


def _refuse_missing(operation: str, request: Json, paths: tuple[str, ...]) -> None:
    for path in paths:
        if _at(request, path) is not None:
            raise _missing(operation, path)


def _refuse_value(operation: str, path: str, request: Json, known: set[str]) -> None:
    value = _at(request, path)
    if value is not None and value not in known:
        raise _missing(operation, f"{path} {value}")


def _at(request: Json, path: str) -> Any:
    value: Any = request
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _missing(operation: str, what: str) -> ServiceError:
    return ServiceError(
        "NotImplementedOffline", f"the offline cloud does not imitate {what} of {operation}", 501
    )
