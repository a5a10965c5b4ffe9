"""Run transform jobs by boto3, over a tiny model server."""

import json
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from kennel.cloud.runtime.faults import Fault
from tests.kennel.cloud.sagemaker.conftest import BUCKET, ROLE, Service
from tests.kennel.cloud.sagemaker.endpoints.serving_tools import TINY

if TYPE_CHECKING:
    from types_boto3_sagemaker.type_defs import ContainerDefinitionTypeDef


@pytest.fixture(scope="module", autouse=True)
def model(service: Service) -> str:
    container: ContainerDefinitionTypeDef = {"Image": TINY, "Environment": {"TINY_NAME": "batch"}}
    service.sagemaker.create_model(
        ModelName="tiny", PrimaryContainer=container, ExecutionRoleArn=ROLE
    )
    return "tiny"


def transform(name: str, prefix: str, **members: Any) -> dict[str, Any]:
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/{prefix}"}
    return {
        "TransformJobName": name,
        "ModelName": "tiny",
        "TransformInput": {
            "DataSource": {"S3DataSource": source},
            "ContentType": "text/plain",
            **members.pop("TransformInput", {}),
        },
        "TransformOutput": {
            "S3OutputPath": f"s3://{BUCKET}/answers/{name}",
            **members.pop("TransformOutput", {}),
        },
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
        **members,
    }


def run(service: Service, name: str, prefix: str, **members: Any) -> dict[str, Any]:
    service.sagemaker.create_transform_job(**transform(name, prefix, **members))
    return ended(service, name)


def ended(service: Service, name: str) -> dict[str, Any]:
    return service.wait(
        lambda: service.sagemaker.describe_transform_job(TransformJobName=name),
        lambda description: description["TransformJobStatus"] in {"Completed", "Failed", "Stopped"},
    )


def answers(service: Service, name: str) -> dict[str, bytes]:
    objects = service.s3.list_objects_v2(Bucket=BUCKET, Prefix=f"answers/{name}/")
    keys = [each["Key"] for each in objects.get("Contents", [])]
    return {
        key.removeprefix(f"answers/{name}/"): service.s3.get_object(Bucket=BUCKET, Key=key)[
            "Body"
        ].read()
        for key in keys
    }


def test_every_object_of_the_prefix_is_transformed(service: Service) -> None:
    service.upload("in/a.jpg", b"one")
    service.upload("in/deep/b.jpg", b"two")
    description = run(service, "all", "in/", TransformOutput={"Accept": "application/json"})
    assert description["TransformJobStatus"] == "Completed", description.get("FailureReason")
    assert description["TransformStartTime"] <= description["TransformEndTime"]
    outputs = answers(service, "all")
    assert set(outputs) == {"a.jpg.out", "deep/b.jpg.out"}
    answer = json.loads(outputs["a.jpg.out"])
    assert answer["name"] == "batch"
    assert answer["headers"]["content-type"] == "text/plain"
    assert answer["headers"]["accept"] == "application/json"


def test_two_instances_share_the_objects(service: Service) -> None:
    for number in range(6):
        service.upload(f"many/{number}", b"wait 0.2")
    resources = {"InstanceType": "ml.m5.large", "InstanceCount": 2}
    run(service, "shared", "many/", TransformResources=resources, MaxConcurrentTransforms=2)
    outputs = answers(service, "shared")
    assert len(outputs) == 6
    assert len({json.loads(body)["pid"] for body in outputs.values()}) == 2


def test_lines_are_records(service: Service) -> None:
    service.upload("lines/data.csv", b"a\nb\nc\n")
    one = {"TransformInput": {"SplitType": "Line"}, "BatchStrategy": "SingleRecord"}
    run(service, "lines", "lines/", TransformOutput={"AssembleWith": "Line"}, **one)
    lines = answers(service, "lines")["data.csv.out"].splitlines()
    assert [json.loads(line)["headers"]["content-length"] for line in lines] == ["2"] * 3
    run(service, "batch", "lines/", TransformInput={"SplitType": "Line"})
    (whole,) = answers(service, "batch")["data.csv.out"].splitlines()
    assert json.loads(whole)["headers"]["content-length"] == "6"


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ("415", "ClientError: See job logs for more information"),
        ("500", "AlgorithmError: See job logs for more information"),
    ],
)
def test_one_bad_object_fails_the_job_and_the_other_outputs_stay(
    service: Service, status: str, reason: str
) -> None:
    service.upload(f"mixed-{status}/bad", f"status {status} no dog".encode())
    service.upload(f"mixed-{status}/good", b"fine")
    description = run(service, f"mixed-{status}", f"mixed-{status}/")
    assert (description["TransformJobStatus"], description["FailureReason"]) == ("Failed", reason)
    assert set(answers(service, f"mixed-{status}")) == {"good.out"}
    group = "/aws/sagemaker/TransformJobs"
    streams = service.logs.describe_log_streams(
        logGroupName=group, logStreamNamePrefix=f"mixed-{status}/"
    )["logStreams"]
    (data_log,) = [each for each in streams if "/data-log" in each["logStreamName"]]
    events = service.logs.get_log_events(
        logGroupName=group, logStreamName=data_log["logStreamName"]
    )["events"]
    log = "\n".join(each["message"] for each in events)
    assert f"{BUCKET}/mixed-{status}/bad: " in log and "no dog" in log


def test_a_record_over_the_payload_limit_fails_the_job(service: Service) -> None:
    service.upload("large/x", b"x" * (1024 * 1024 + 1))
    description = run(service, "large", "large/", MaxPayloadInMB=1)
    assert description["FailureReason"].startswith("ClientError: ")
    assert answers(service, "large") == {}


def test_an_empty_prefix_fails_the_job(service: Service) -> None:
    description = run(service, "nothing", "not/there")
    assert "No S3 objects found" in description["FailureReason"]


def test_a_model_that_does_not_become_healthy_fails_the_job(service: Service) -> None:
    container: ContainerDefinitionTypeDef = {"Image": TINY, "Environment": {"TINY_PING": "dies"}}
    service.sagemaker.create_model(
        ModelName="dead", PrimaryContainer=container, ExecutionRoleArn=ROLE
    )
    service.upload("some/a", b"a")
    description = run(service, "dead", "some/", ModelName="dead")
    assert description["TransformJobStatus"] == "Failed"
    assert description["FailureReason"].startswith(
        "AlgorithmError: Model container failed to respond to ping"
    )


def test_a_job_can_be_stopped_and_only_once(service: Service) -> None:
    service.faults.add(Fault("CreateTransformJob", "hang", name="hung"))
    service.upload("some/a", b"a")
    service.sagemaker.create_transform_job(**transform("hung", "some/"))
    service.sagemaker.stop_transform_job(TransformJobName="hung")
    assert ended(service, "hung")["TransformJobStatus"] == "Stopped"
    with pytest.raises(ClientError, match="is in status Stopped"):
        service.sagemaker.stop_transform_job(TransformJobName="hung")
