"""Settings, search space and event for the tests of training and tuning jobs."""

from dataclasses import replace
from typing import Any

from common.execution import Execution
from common.training import Job, TrainingSettings
from common.vpc_and_key import VpcAndKey
from tests.functions.aws_account import BUCKET, Account

SPACE: dict[str, Any] = {
    "objective": {
        "metric": "valid:loss",
        "regex": "valid:loss=([0-9]+\\.[0-9]+)",
        "direction": "minimize",
    },
    "parameters": [
        {"name": "learning-rate", "type": "float", "low": 0.001, "high": 0.03, "log": True},
        {"name": "batch-size", "type": "categorical", "values": [32, 64]},
        {"name": "epochs", "type": "int", "low": 5, "high": 50},
    ],
}
SETTINGS = TrainingSettings(
    endpoint_name="kennel",
    bucket=BUCKET,
    image="763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch:2.14-cpu-amzn2023-sagemaker",
    instance_type="ml.m5.xlarge",
    max_s=3600,
    role_arn="arn:aws:iam::123456789012:role/kennel-TrainingRole",
)
PRIVATE = replace(
    SETTINGS,
    vpc_and_key=VpcAndKey(
        ("subnet-0", "subnet-1"), ("sg-0",), "arn:aws:kms:us-east-1:123456789012:key/0"
    ),
)
EXECUTION = Execution("arn:aws:states:us-east-1:123456789012:execution:machine:one")
EVENT = {
    "execution": {"Id": EXECUTION.arn},
    "bundle": {"prefix": "code/abc/"},
    "checked": {
        "data": {"channels": {"train": "data/train/", "test": "data/test/"}},
        "hyperparameters": {"epochs": "3"},
        "tune": {"max_jobs": 20, "parallel": 4},
    },
}
JOB = Job.from_event(EVENT)


def only_request(account: Account, operation: str) -> dict[str, Any]:
    """Return the request of the only call of an operation."""
    (request,) = [request for name, request in account.calls if name == operation]
    return request


def channels(request: dict[str, Any]) -> dict[str, str]:
    """Return the S3 URI of each channel."""
    return {
        each["ChannelName"]: each["DataSource"]["S3DataSource"]["S3Uri"]
        for each in request["InputDataConfig"]
    }


def assert_private(fields: dict[str, Any]) -> None:
    """Check that a job runs in PRIVATE's VPC, and that its volume and output have its key."""
    private = PRIVATE.vpc_and_key
    assert fields["VpcConfig"] == {
        "Subnets": private.subnets,
        "SecurityGroupIds": private.security_groups,
    }
    assert fields["OutputDataConfig"]["KmsKeyId"] == private.key
    assert fields["ResourceConfig"]["VolumeKmsKeyId"] == private.key
