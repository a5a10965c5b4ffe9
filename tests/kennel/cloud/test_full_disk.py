"""On a full disk, writes are refused in the service's own form; with room again, they are kept."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from kennel.cloud.cloud import Cloud, run_cloud
from kennel.cloud.config import CloudConfig
from tests.kennel.cloud.disks import fill
from tests.kennel.cloud.small_stack import small_stack

BODY = bytes(2**21)


@pytest.fixture
def config(small_disk: Path, tmp_path: Path) -> CloudConfig:
    return small_stack(tmp_path, "full", small_disk / "state")


def clients(cloud: Cloud) -> Callable[[str], Any]:
    """Return a function that makes clients which do not try again."""
    make: Any = boto3.client  # its types know services by literal names only
    return lambda service: make(
        service,
        endpoint_url=cloud.url,
        region_name="us-east-1",
        aws_access_key_id="kennel-operator",
        aws_secret_access_key="offline",
        config=Config(retries={"total_max_attempts": 1}, proxies={}),
    )


def refused(call: Callable[..., object], **parameters: object) -> None:
    with pytest.raises(ClientError) as raised:
        call(**parameters)
    response: Any = raised.value.response
    assert response["Error"]["Code"] == "ServiceUnavailable"
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 503
    assert "make room, and try again" in response["Error"]["Message"]


def test_writes_are_refused_until_there_is_room(config: CloudConfig, small_disk: Path) -> None:
    model: dict[str, Any] = {
        "ModelName": "m",
        "PrimaryContainer": {"Image": "i"},
        "ExecutionRoleArn": "arn:aws:iam::123456789012:role/tried",
    }
    parameter = {"Name": "p", "Value": "x" * 4000, "Type": "String"}
    with run_cloud(config) as cloud:
        aws = clients(cloud)
        s3, sagemaker, ssm = aws("s3"), aws("sagemaker"), aws("ssm")
        for key in ("kept", "deleted"):
            s3.put_object(Bucket="small", Key=key, Body=BODY)
        filler = fill(small_disk)
        for _ in range(2):
            refused(s3.put_object, Bucket="small", Key="late", Body=BODY)
            refused(s3.put_object, Bucket="small", Key="kept", Body=b"changed")
            refused(s3.create_bucket, Bucket="second")
            refused(sagemaker.create_model, **model)
            refused(ssm.put_parameter, **parameter)
        assert s3.get_object(Bucket="small", Key="kept")["Body"].read() == BODY
        listed = s3.list_objects_v2(Bucket="small")["Contents"]
        assert [each["Key"] for each in listed] == ["deleted", "kept"]
        assert [each["Name"] for each in s3.list_buckets()["Buckets"]] == ["small"]
        assert sagemaker.list_models()["Models"] == []
        assert ssm.describe_parameters()["Parameters"] == []

        os.truncate(filler, filler.stat().st_size - 2**18)  # too little for a write
        refused(s3.put_object, Bucket="small", Key="late", Body=b"small")
        s3.delete_object(Bucket="small", Key="deleted")
        s3.put_object(Bucket="small", Key="late", Body=b"in the room of the deleted one")
        filler.unlink()
        s3.put_object(Bucket="small", Key="later", Body=BODY)
        sagemaker.create_model(**model)
        ssm.put_parameter(**parameter)
    with run_cloud(config) as cloud:
        aws = clients(cloud)
        listed = aws("s3").list_objects_v2(Bucket="small")["Contents"]
        assert [each["Key"] for each in listed] == ["kept", "late", "later"]
        assert [each["ModelName"] for each in aws("sagemaker").list_models()["Models"]] == ["m"]
        assert aws("ssm").get_parameter(Name="p")["Parameter"]["Value"] == "x" * 4000
