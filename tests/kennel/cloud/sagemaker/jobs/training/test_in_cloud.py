"""Run a training job in the whole cloud, with the permissions of the template's role."""

import time
from typing import Any

import pytest

from kennel.cloud.cloud import Cloud
from kennel.cloud.runtime.clients import client
from tests.kennel.cloud.sagemaker.conftest import WAIT_SECONDS
from tests.kennel.cloud.sagemaker.jobs.scripts import COPY, packed

NAME = "k-tiny-train"
#: The template's default: its role may pull no other.
IMAGE = "763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch:2.14-cpu-amzn2023-sagemaker"


@pytest.fixture(scope="module")
def trained(bare_cloud: Cloud) -> dict[str, Any]:
    bucket = bare_cloud.stack.outputs["BucketName"]
    roles = {each.logical_id: each.arn for each in bare_cloud.stack.of_type("AWS::IAM::Role")}
    s3, sagemaker = client("s3", bare_cloud.url), client("sagemaker", bare_cloud.url)
    s3.put_object(Bucket=bucket, Key="data/tiny/a.txt", Body=b"A")
    s3.put_object(Bucket=bucket, Key="code/tiny/source.tar.gz", Body=packed(train=COPY))
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{bucket}/data/tiny/"}
    sagemaker.create_training_job(
        TrainingJobName=NAME,
        RoleArn=roles["TrainingRole"],
        AlgorithmSpecification={
            "TrainingImage": IMAGE,
            "TrainingInputMode": "File",
            "MetricDefinitions": [{"Name": "valid:loss", "Regex": r"valid:loss=([0-9.]+)"}],
        },
        HyperParameters={
            "sagemaker_program": "train.py",
            "sagemaker_submit_directory": f"s3://{bucket}/code/tiny/source.tar.gz",
        },
        InputDataConfig=[{"ChannelName": "train", "DataSource": {"S3DataSource": source}}],
        OutputDataConfig={"S3OutputPath": f"s3://{bucket}/models"},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 10},
        StoppingCondition={"MaxRuntimeInSeconds": 3600},
    )
    end = time.monotonic() + WAIT_SECONDS
    while True:
        description: dict[str, Any] = sagemaker.describe_training_job(TrainingJobName=NAME)
        if description["TrainingJobStatus"] != "InProgress":
            return description
        assert time.monotonic() < end, f"still {description}"
        time.sleep(0.05)


def test_the_templates_role_allows_a_training_job(
    bare_cloud: Cloud, trained: dict[str, Any]
) -> None:
    assert trained["TrainingJobStatus"] == "Completed", trained.get("FailureReason")
    bucket = bare_cloud.stack.outputs["BucketName"]
    objects = client("s3", bare_cloud.url).list_objects_v2(Bucket=bucket, Prefix=f"models/{NAME}/")
    assert [each["Key"] for each in objects["Contents"]] == [
        f"models/{NAME}/output/model.tar.gz",
        f"models/{NAME}/output/output.tar.gz",
    ]


def test_the_log_is_in_cloudwatch(bare_cloud: Cloud, trained: dict[str, Any]) -> None:
    logs = client("logs", bare_cloud.url)
    group = "/aws/sagemaker/TrainingJobs"
    (stream,) = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=f"{NAME}/")[
        "logStreams"
    ]
    events = logs.get_log_events(logGroupName=group, logStreamName=stream["logStreamName"])
    messages = [each["message"] for each in events["events"]]
    last = trained["FinalMetricDataList"][0]["Value"]
    assert f"valid:loss={last:.4f}" in messages
