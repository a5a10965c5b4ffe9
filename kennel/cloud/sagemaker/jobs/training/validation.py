"""Refuse CreateTrainingJob requests that the service, or the offline cloud, does not accept.

Messages marked (seen) are the service's own, from public reports. For the others the API
reference states the rule and no report has the message; docs/offline-jobs.md lists them as
unconfirmed.
"""

import re
from typing import Any

from kennel.cloud.runtime.store import Json
from kennel.cloud.sagemaker.errors import invalid
from kennel.cloud.sagemaker.handlers import not_emulated
from kennel.cloud.sagemaker.jobs.validation import (
    member_at,
    refuse_members,
    refuse_other_values,
)

#: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_StoppingCondition.html
MAX_RUNTIME = 28 * 86400

#: Members that change what the job does, and that nothing here can do.
_NOT_EMULATED = (
    "AlgorithmSpecification.AlgorithmName",
    "ResourceConfig.InstanceGroups",
    "ResourceConfig.InstancePreferences",
    "ServerlessJobConfig",
    "ModelPackageConfig",
)
#: Members that are described and do nothing here: they watch a job, place it, or protect it.
_RECORDED = (
    "DebugHookConfig",
    "DebugRuleConfigurations",
    "ProfilerConfig",
    "ProfilerRuleConfigurations",
    "ExperimentConfig",
    "MlflowConfig",
    "RemoteDebugConfig",
    "InfraCheckConfig",
    "SessionChainingConfig",
    "RetryStrategy",
    "VpcConfig",
    "EnableNetworkIsolation",
    "EnableInterContainerTrafficEncryption",
    "ResourceConfig.KeepAlivePeriodInSeconds",
    "ResourceConfig.TrainingPlanArn",
    "ResourceConfig.InstancePlacementConfig",
    "OutputDataConfig.KmsKeyId",
)
_CHANNEL_NOT_EMULATED = (
    "DataSource.FileSystemDataSource",
    "DataSource.DatasetSource",
)
_DATA_TYPES = {"S3Prefix", "ManifestFile"}


def check_training(request: Json) -> None:
    """Raise ServiceError for a request that is refused."""
    refuse_members("CreateTrainingJob", request, _NOT_EMULATED)
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
    refuse_other_values("CreateTrainingJob", "OutputDataConfig.CompressionType", request, {"GZIP"})
    for part in ("CheckpointConfig", "TensorBoardOutputConfig"):
        path = request.get(part, {}).get("LocalPath", "/opt/ml")
        if not re.fullmatch(r"/opt/ml(/[\w.-]+)*", path) or "/.." in path:
            raise not_emulated(f"{part}.LocalPath outside /opt/ml ({path}) of CreateTrainingJob")


def recorded_only(request: Json) -> list[str]:
    """Return the members of a request that are described but have no effect offline."""
    return [path for path in _RECORDED if _is_on(member_at(request, path))]


def _is_on(value: Any) -> bool:
    """Return whether a member switches something on; DisableProfiler true does not."""
    if not isinstance(value, dict):
        return bool(value)
    switches = {name: on for name, on in value.items() if isinstance(on, bool)}
    return all(on is name.startswith("Enable") for name, on in switches.items())


def _check_stopping(condition: Json, spot: bool) -> None:
    runtime = condition.get("MaxRuntimeInSeconds", 86400)
    if runtime > MAX_RUNTIME:
        raise invalid(f"MaxRuntimeInSeconds must be less than or equal to {MAX_RUNTIME}.")
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
        refuse_members("CreateTrainingJob", channel, _CHANNEL_NOT_EMULATED)
        if "S3DataSource" not in channel["DataSource"]:
            raise invalid(f"Channel {channel['ChannelName']} must have a data source.")
        refuse_other_values(
            "CreateTrainingJob", "DataSource.S3DataSource.S3DataType", channel, _DATA_TYPES
        )
        refuse_other_values("CreateTrainingJob", "CompressionType", channel, {"None"})
        refuse_other_values("CreateTrainingJob", "RecordWrapperType", channel, {"None"})
        if channel.get("InputMode", mode) == "Pipe":
            raise not_emulated("input mode Pipe of CreateTrainingJob")


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
