"""`kennel batch` runs a transform job over a prefix with the live model."""

from typing import Any

import pytest

from kennel.batch import BatchJob, start, wait
from kennel.cloud.runtime.clients import client
from kennel.errors import KennelError
from kennel.s3_prefix import S3Prefix
from tests.kennel.conftest import clients, scripted

ARN = "arn:aws:sagemaker:us-east-1:123456789012:"


def endpoint(status: str = "InService") -> tuple[str, Any]:
    return "describe_endpoint", {
        "EndpointName": "kennel",
        "EndpointArn": f"{ARN}endpoint/kennel",
        "EndpointConfigName": "kennel-2",
        "EndpointStatus": status,
        "CreationTime": 0,
        "LastModifiedTime": 0,
    }


CONFIG = (
    "describe_endpoint_config",
    {
        "EndpointConfigName": "kennel-2",
        "EndpointConfigArn": f"{ARN}endpoint-config/kennel-2",
        "ProductionVariants": [
            {"VariantName": "AllTraffic", "ModelName": "kennel-2", "InstanceType": "ml.c5.large"}
        ],
        "CreationTime": 0,
    },
)


class RequestRecorder:
    """Keeps the requests of a scripted client, by operation."""

    def __init__(self, sagemaker: Any) -> None:
        self.requests: dict[str, Any] = {}
        sagemaker.meta.events.register("provide-client-params.sagemaker.*", self._record)

    def _record(self, params: Any, model: Any, **_: Any) -> None:
        self.requests[model.name] = params


@pytest.fixture
def photos(account: str) -> str:
    s3 = client("s3", account)
    s3.create_bucket(Bucket="photos")
    for key in ("a.jpg", "B.JPE", "deep/er/c.jfif"):
        s3.put_object(Bucket="photos", Key=f"batch/walk/{key}", Body=b"x")
    s3.put_object(Bucket="photos", Key="batch/mixed/a.jpg", Body=b"x")
    s3.put_object(Bucket="photos", Key="batch/mixed/notes.txt", Body=b"x")
    return account


def test_the_job_is_the_live_model_over_the_prefix(photos: str) -> None:
    answer = {"TransformJobArn": f"{ARN}transform-job/x"}
    sagemaker = scripted("sagemaker", endpoint(), CONFIG, ("create_transform_job", answer))
    recorder = RequestRecorder(sagemaker)
    connect = clients(photos, {"sagemaker": sagemaker})
    batch = start(connect, "kennel", S3Prefix.read("s3://photos/batch/walk/"))
    request = recorder.requests["CreateTransformJob"]
    assert request["TransformJobName"] == batch.job
    assert batch.job.startswith("kennel-batch-")
    assert len(batch.job) <= 63
    assert request["ModelName"] == batch.model == "kennel-2"
    # ml.c5.large, which is live, hosts endpoints and is no type for transform jobs.
    assert request["TransformResources"] == {"InstanceType": "ml.m5.large", "InstanceCount": 1}
    source = request["TransformInput"]["DataSource"]["S3DataSource"]
    assert source == {"S3DataType": "S3Prefix", "S3Uri": "s3://photos/batch/walk/"}
    assert request["TransformOutput"]["S3OutputPath"] == batch.answers
    assert batch.answers == f"s3://photos/answers/{batch.job}/"
    assert batch.photos == 3


@pytest.mark.parametrize(
    ("uri", "sentence"),
    [
        ("photos/batch", "'photos/batch' is no prefix in S3: expected s3://bucket/prefix"),
        ("https://photos/batch", "is no prefix in S3"),
        ("s3://photos/train/", "outside batch/, and the model's role may read photos only there"),
        ("s3://photos/batch/none/", "s3://photos/batch/none/ holds no object"),
        ("s3://photos/batch/mixed/", "1 objects that are no photos, the first batch/mixed/notes"),
        ("s3://nowhere/batch/", "there is no bucket nowhere"),
    ],
)
def test_a_wrong_prefix_starts_nothing(photos: str, uri: str, sentence: str) -> None:
    connect = clients(photos, {"sagemaker": scripted("sagemaker", endpoint(), CONFIG)})
    with pytest.raises(KennelError, match=sentence):
        start(connect, "kennel", S3Prefix.read(uri))


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (("describe_endpoint", "ValidationException"), "there is no endpoint kennel: start an"),
        (endpoint("Updating"), "the endpoint kennel is Updating: its model is proven when"),
    ],
)
def test_without_a_live_model_nothing_starts(
    photos: str, answer: tuple[str, Any], sentence: str
) -> None:
    connect = clients(photos, {"sagemaker": scripted("sagemaker", answer)})
    with pytest.raises(KennelError, match=sentence):
        start(connect, "kennel", S3Prefix.read("s3://photos/batch/walk/"))


def test_a_serverless_endpoint_has_no_instance_type_to_take(photos: str) -> None:
    name, answer = CONFIG
    serverless = {"MemorySizeInMB": 3072, "MaxConcurrency": 5}
    variant = {"VariantName": "AllTraffic", "ModelName": "m", "ServerlessConfig": serverless}
    config = (name, {**answer, "ProductionVariants": [variant]})
    created = ("create_transform_job", {"TransformJobArn": f"{ARN}transform-job/x"})
    sagemaker = scripted("sagemaker", endpoint(), config, created)
    recorder = RequestRecorder(sagemaker)
    connect = clients(photos, {"sagemaker": sagemaker})
    start(connect, "kennel", S3Prefix.read("s3://photos/batch/walk/"))
    resources = recorder.requests["CreateTransformJob"]["TransformResources"]
    assert resources == {"InstanceType": "ml.m5.large", "InstanceCount": 1}


def described(status: str, **more: str) -> tuple[str, Any]:
    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://photos/batch/walk/"}}
    return "describe_transform_job", {
        "TransformJobName": "job",
        "TransformJobArn": f"{ARN}transform-job/job",
        "TransformJobStatus": status,
        "ModelName": "kennel-2",
        "TransformInput": {"DataSource": source},
        "TransformResources": {"InstanceType": "ml.c5.large", "InstanceCount": 1},
        "CreationTime": 0,
        **more,
    }


BATCH = BatchJob("job", "kennel-2", 3, "s3://photos/answers/job/")


def test_progress_is_the_number_of_answers(photos: str) -> None:
    answers = [described("InProgress")] * 2 + [described("Completed")]
    connect = clients(photos, {"sagemaker": scripted("sagemaker", *answers)})
    s3 = client("s3", photos)
    progress: list[tuple[str, int]] = []
    waits: list[float] = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        key = f"answers/job/{len(waits)}.jpg.out"
        s3.put_object(Bucket="photos", Key=key, Body=b"{}")

    assert wait(connect, BATCH, lambda *polled: progress.append(polled), sleep=sleep) == "Completed"
    assert progress == [("InProgress", 0), ("InProgress", 1), ("Completed", 2)]


def test_a_failed_job_has_sagemakers_reason(photos: str) -> None:
    failed = described("Failed", FailureReason="ClientError: bad data")
    connect = clients(photos, {"sagemaker": scripted("sagemaker", failed)})
    with pytest.raises(KennelError, match="the transform job job failed: ClientError: bad data"):
        wait(connect, BATCH, lambda *polled: None)


def test_a_stopped_job_is_not_waited_for(photos: str) -> None:
    connect = clients(photos, {"sagemaker": scripted("sagemaker", described("Stopped"))})
    assert wait(connect, BATCH, lambda *polled: None) == "Stopped"
