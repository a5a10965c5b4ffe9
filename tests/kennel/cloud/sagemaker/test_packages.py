"""Endpoints and transform jobs read a model's package with the model's role, by one rule."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kennel.cloud.cloud import Cloud
from kennel.cloud.iam.identity import OPERATOR_KEY
from kennel.cloud.runtime.clients import client
from kennel.cloud.sagemaker.account import Account
from kennel.cloud.sagemaker.packages import CannotDownload, download_package
from kennel.local_cloud import OFFLINE_IMAGE
from tests.kennel.cloud.disks import fill

ROLE = "arn:aws:iam::123456789012:role/bare-ModelRole"
REFUSED = "the role passed to CreateModel has permissions to download the object"


def failure(describe: Callable[..., Any], status: str, **name: str) -> str:
    for _ in range(600):
        described = describe(**name)
        if described[status] == "Failed":
            return str(described["FailureReason"])
        time.sleep(0.05)
    raise AssertionError(f"still {described}")


@pytest.mark.parametrize(
    ("key", "reasons"),
    [
        ("elsewhere/model.tar.gz", (REFUSED, REFUSED)),
        ("packages/none/model.tar.gz", (REFUSED, REFUSED)),
        ("packages/broken/model.tar.gz", ("not a readable tar.gz", "failed to respond to ping")),
    ],
)
def test_an_endpoint_and_a_transform_job_are_refused_alike(
    bare_cloud: Cloud, key: str, reasons: tuple[str, str]
) -> None:
    sagemaker, s3 = client("sagemaker", bare_cloud.url), client("s3", bare_cloud.url)
    bucket = bare_cloud.stack.outputs["BucketName"]
    if "none" not in key:
        s3.put_object(Bucket=bucket, Key=key, Body=b"no archive")
    s3.put_object(Bucket=bucket, Key="batch/tried/a.jpg", Body=b"x")
    name = key.replace("/", "-").replace(".", "-")
    container = {"Image": OFFLINE_IMAGE, "ModelDataUrl": f"s3://{bucket}/{key}"}
    sagemaker.create_model(ModelName=name, PrimaryContainer=container, ExecutionRoleArn=ROLE)
    variant = {"VariantName": "v", "ModelName": name, "InstanceType": "ml.c5.large"}
    sagemaker.create_endpoint_config(
        EndpointConfigName=name, ProductionVariants=[{**variant, "InitialInstanceCount": 1}]
    )
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{bucket}/batch/tried/"}
    sagemaker.create_transform_job(
        TransformJobName=name,
        ModelName=name,
        TransformInput={"DataSource": {"S3DataSource": source}},
        TransformOutput={"S3OutputPath": f"s3://{bucket}/answers/"},
        TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 1},
    )
    endpoint = failure(sagemaker.describe_endpoint, "EndpointStatus", EndpointName=name)
    job = failure(sagemaker.describe_transform_job, "TransformJobStatus", TransformJobName=name)
    assert reasons[0] in endpoint
    assert reasons[1] in job
    sagemaker.delete_endpoint(EndpointName=name)


def test_a_package_is_downloaded_and_what_hinders_that_is_said(moto: str, tmp_path: Path) -> None:
    s3 = client("s3", moto)
    s3.create_bucket(Bucket="packages")
    s3.put_object(Bucket="packages", Key="a/b.tar.gz", Body=b"package")
    account, file = Account(moto, {"arn:known": OPERATOR_KEY}.get), tmp_path / "file"
    download_package(account, "s3://packages/a/b.tar.gz", "arn:known", file)
    assert file.read_bytes() == b"package"
    for uri, role, words in (
        ("s3://packages/none", "arn:known", "NoSuchKey"),
        ("s3://no-such-bucket/x", "arn:known", "NoSuchBucket"),
        ("s3://packages/a/b.tar.gz", "arn:other", "Could not assume role arn:other"),
        ("s3://", "arn:known", "Failed to download model data"),
    ):
        with pytest.raises(CannotDownload, match=words):
            download_package(account, uri, role, file)


def test_a_package_that_the_disk_has_no_room_for_is_refused(moto: str, small_disk: Path) -> None:
    s3 = client("s3", moto)
    s3.create_bucket(Bucket="large-packages")
    s3.put_object(Bucket="large-packages", Key="model.tar.gz", Body=bytes(2**20))
    fill(small_disk)
    account, file = Account(moto, {"arn:known": OPERATOR_KEY}.get), small_disk / "file"
    with pytest.raises(CannotDownload, match=r"from s3://large-.*: \[Errno 28\] No space left"):
        download_package(account, "s3://large-packages/model.tar.gz", "arn:known", file)
    assert not file.exists()
