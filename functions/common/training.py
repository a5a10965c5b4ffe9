"""What training jobs and tuning jobs have in common: image, source, photos, limits.

`model/train.py` runs in SageMaker's script mode: AWS's PyTorch image unpacks the source that
PublishBundle has uploaded, and passes hyperparameters as the script's flags.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from common.environment import Environment
from common.execution import Execution
from common.vpc_and_key import NO_VPC_AND_KEY, InVpc, VpcAndKey

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client
    from types_boto3_sagemaker.literals import TrainingInstanceTypeType
    from types_boto3_sagemaker.type_defs import (
        ChannelUnionTypeDef,
        MetricDefinitionTypeDef,
        OutputDataConfigTypeDef,
        ResourceConfigUnionTypeDef,
        StoppingConditionTypeDef,
    )

__all__ = [
    "Job",
    "JobFields",
    "Objective",
    "TrainingSettings",
    "read_objective",
    "read_search_space",
]

SEARCH_SPACE = "search_space.json"
# Photos at the wire's size, features and the package; dogImages whole has 1.1 GB.
_VOLUME_GB = 30


@dataclass(frozen=True, slots=True)
class TrainingSettings:
    """Template parameters about training."""

    endpoint_name: str  # ENDPOINT_NAME: the endpoint of the live model
    bucket: str  # BUCKET_NAME
    image: str  # TRAINING_IMAGE
    instance_type: TrainingInstanceTypeType  # TRAINING_INSTANCE_TYPE
    max_s: int  # TRAINING_MAX_SECONDS
    role_arn: str  # TRAINING_ROLE_ARN: role of the container
    vpc_and_key: VpcAndKey = NO_VPC_AND_KEY

    @classmethod
    def from_environment(cls, environment: Environment) -> Self:
        """Read the settings; a missing one raises BadEnvironment."""
        instance_type: Any = environment.text("TRAINING_INSTANCE_TYPE")  # SageMaker checks it
        return cls(
            endpoint_name=environment.text("ENDPOINT_NAME"),
            bucket=environment.text("BUCKET_NAME"),
            image=environment.text("TRAINING_IMAGE"),
            instance_type=instance_type,
            max_s=environment.integer("TRAINING_MAX_SECONDS"),
            role_arn=environment.text("TRAINING_ROLE_ARN"),
            vpc_and_key=VpcAndKey.from_environment(environment),
        )


@dataclass(frozen=True, slots=True)
class Objective:
    """The metric that tuning optimises, as the script logs it."""

    metric: str
    regex: str
    direction: str  # "minimize" or "maximize"

    @property
    def definitions(self) -> list[MetricDefinitionTypeDef]:
        """How SageMaker finds the metric in the log."""
        return [{"Name": self.metric, "Regex": self.regex}]


class JobFields(InVpc):
    """Fields that CreateTrainingJob and a tuning job's definition share."""

    RoleArn: str
    InputDataConfig: Sequence[ChannelUnionTypeDef]
    OutputDataConfig: OutputDataConfigTypeDef
    ResourceConfig: ResourceConfigUnionTypeDef
    StoppingCondition: StoppingConditionTypeDef
    EnableNetworkIsolation: bool


@dataclass(frozen=True, slots=True)
class Job:
    """A job to start, from the results of the earlier states."""

    execution: Execution
    bundle_prefix: str  # code/<hash>/
    channels: Mapping[str, str]  # train, valid, test -> prefix in the bucket
    hyperparameters: Mapping[str, str]  # given in the execution's input

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> Self:
        """Read a state's input: execution, bundle, checked."""
        checked = event["checked"]
        return cls(
            Execution.from_context(event["execution"]),
            event["bundle"]["prefix"],
            checked["data"]["channels"],
            checked["hyperparameters"],
        )

    def script(self, settings: TrainingSettings) -> dict[str, str]:
        """Return the hyperparameters that name the script and its source."""
        return {
            "sagemaker_program": "train.py",
            "sagemaker_submit_directory": (
                f"s3://{settings.bucket}/{self.bundle_prefix}source.tar.gz"
            ),
        }

    def fields(self, settings: TrainingSettings, live: str | None = None) -> JobFields:
        """Return the fields that CreateTrainingJob and a tuning job's definition share.

        Parameters
        ----------
        live
            S3 URI of the live package, which training then evaluates on the same photos.
        """
        channels = {
            name: f"s3://{settings.bucket}/{prefix}" for name, prefix in self.channels.items()
        }
        if live:
            channels["live"] = live
        key = settings.vpc_and_key.key
        output: OutputDataConfigTypeDef = {"S3OutputPath": f"s3://{settings.bucket}/models/"}
        if key:
            output["KmsKeyId"] = key
        return {
            **settings.vpc_and_key.in_vpc(),
            "RoleArn": settings.role_arn,
            "InputDataConfig": [_channel(name, uri) for name, uri in channels.items()],
            "OutputDataConfig": output,
            "ResourceConfig": {
                "InstanceType": settings.instance_type,
                "InstanceCount": 1,
                "VolumeSizeInGB": _VOLUME_GB,
                **({"VolumeKmsKeyId": key} if key else {}),
            },
            "StoppingCondition": {"MaxRuntimeInSeconds": settings.max_s},
            # The job installs the bundle's requirements from PyPI.
            "EnableNetworkIsolation": False,
        }


def read_search_space(s3: S3Client, bucket: str, bundle_prefix: str) -> dict[str, Any]:
    """Read the published bundle's search space."""
    body = s3.get_object(Bucket=bucket, Key=f"{bundle_prefix}{SEARCH_SPACE}")["Body"].read()
    search_space: dict[str, Any] = json.loads(body)
    return search_space


def read_objective(search_space: Mapping[str, Any]) -> Objective:
    """Read a search space's objective."""
    fields = search_space["objective"]
    return Objective(fields["metric"], fields["regex"], fields["direction"])


def _channel(name: str, uri: str) -> ChannelUnionTypeDef:
    return {
        "ChannelName": name,
        "DataSource": {
            "S3DataSource": {
                "S3DataType": "S3Prefix",
                "S3Uri": uri,
                "S3DataDistributionType": "FullyReplicated",
            }
        },
        "InputMode": "File",
    }
