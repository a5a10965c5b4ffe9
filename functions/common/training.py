"""What a training job and a tuning job have in common: image, source, photos, limits.

`model/train.py` runs in SageMaker's script mode: AWS's own PyTorch image unpacks the source that
PublishBundle has put into the bucket, and turns hyperparameters into the script's flags.
"""

import io
import json
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, Self

from common.environment import Environment
from common.execution import Execution

__all__ = ["S3", "Job", "Objective", "Settings", "objective", "read_search_space"]

SEARCH_SPACE = "search_space.json"
# Photos at the wire's size, features and the package; dogImages whole has 1.1 GB.
_VOLUME_GB = 30


class S3(Protocol):
    """What is needed of boto3's `s3` client."""

    def get_object(self, **request: Any) -> dict[str, Any]:
        """Read one object."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Template parameters about training."""

    endpoint_name: str  # ENDPOINT_NAME: the live model is the one behind it
    bucket: str  # BUCKET_NAME
    image: str  # TRAINING_IMAGE
    instance_type: str  # TRAINING_INSTANCE_TYPE
    max_s: int  # TRAINING_MAX_SECONDS
    role_arn: str  # TRAINING_ROLE_ARN: what the container may do

    @classmethod
    def from_environment(cls, environment: Environment) -> Self:
        """Read the settings; a missing one raises BadEnvironment."""
        return cls(
            endpoint_name=environment.text("ENDPOINT_NAME"),
            bucket=environment.text("BUCKET_NAME"),
            image=environment.text("TRAINING_IMAGE"),
            instance_type=environment.text("TRAINING_INSTANCE_TYPE"),
            max_s=environment.whole("TRAINING_MAX_SECONDS"),
            role_arn=environment.text("TRAINING_ROLE_ARN"),
        )


@dataclass(frozen=True, slots=True)
class Objective:
    """What tuning makes small, as the script prints it."""

    metric: str
    regex: str
    direction: str  # "minimize" or "maximize"

    @property
    def definitions(self) -> list[dict[str, str]]:
        """Tell SageMaker how to find the metric in the log."""
        return [{"Name": self.metric, "Regex": self.regex}]


@dataclass(frozen=True, slots=True)
class Job:
    """What the states before have found out."""

    execution: Execution
    bundle_prefix: str  # code/<hash>/
    channels: Mapping[str, str]  # train, valid, test -> prefix in the bucket
    hyperparameters: Mapping[str, str]  # fixed by the person who started the execution

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

    def script(self, settings: Settings) -> dict[str, str]:
        """Give the hyperparameters that say what to run."""
        return {
            "sagemaker_program": "train.py",
            "sagemaker_submit_directory": (
                f"s3://{settings.bucket}/{self.bundle_prefix}source.tar.gz"
            ),
        }

    def request(
        self, settings: Settings, aim: Objective, live: str | None = None
    ) -> dict[str, Any]:
        """Give the fields that CreateTrainingJob and a tuning job's definition share.

        Parameters
        ----------
        aim
            Its metric is read from the log.
        live
            S3 URI of the live package, which training then evaluates on the same photos.
        """
        channels = {
            name: f"s3://{settings.bucket}/{prefix}" for name, prefix in self.channels.items()
        }
        if live:
            channels["live"] = live
        return {
            "AlgorithmSpecification": {
                "TrainingImage": settings.image,
                "TrainingInputMode": "File",
                "MetricDefinitions": aim.definitions,
            },
            "RoleArn": settings.role_arn,
            "InputDataConfig": [_channel(name, uri) for name, uri in channels.items()],
            "OutputDataConfig": {"S3OutputPath": f"s3://{settings.bucket}/models/"},
            "ResourceConfig": {
                "InstanceType": settings.instance_type,
                "InstanceCount": 1,
                "VolumeSizeInGB": _VOLUME_GB,
            },
            "StoppingCondition": {"MaxRuntimeInSeconds": settings.max_s},
            # It installs the bundle's requirements from PyPI, and is the only host of its job.
            "EnableNetworkIsolation": False,
        }


def read_search_space(s3: S3, bucket: str, bundle_prefix: str) -> dict[str, Any]:
    """Read the search space out of the published source: data that both sides share."""
    answer = s3.get_object(Bucket=bucket, Key=f"{bundle_prefix}source.tar.gz")
    with tarfile.open(fileobj=io.BytesIO(answer["Body"].read())) as source:
        file = source.extractfile(SEARCH_SPACE)
        assert file is not None, f"{SEARCH_SPACE} is a file of the bundle"  # noqa: S101
        space: dict[str, Any] = json.load(file)
    return space


def objective(space: Mapping[str, Any]) -> Objective:
    """Read what a search space makes small."""
    found = space["objective"]
    return Objective(found["metric"], found["regex"], found["direction"])


def _channel(name: str, uri: str) -> dict[str, Any]:
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
