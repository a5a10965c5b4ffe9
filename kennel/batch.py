"""`kennel batch`: classify every photo below an S3 prefix with the live endpoint's model."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast

import botocore.session
from botocore.exceptions import ClientError

from kennel.aws import Connect, code_of
from kennel.errors import KennelError
from kennel.s3_prefix import S3Prefix

if TYPE_CHECKING:
    from botocore.model import StringShape
    from types_boto3_s3.client import S3Client
    from types_boto3_sagemaker.client import SageMakerClient
    from types_boto3_sagemaker.literals import TransformInstanceTypeType

#: SageMaker sends every object of a prefix with one content type. The server recognises the format
#: by the photo's bytes, and takes JPEG, PNG and WebP under the content type of any of them.
PHOTO_TYPE = "image/jpeg"
#: What names of photos end in; SageMaker sends the model every object of the prefix.
PHOTO_ENDINGS = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp")
#: The prefixes that the model's role may read and write in the stack's bucket (ModelRole in
#: template.yaml).
PHOTOS_PREFIX = "batch/"
ANSWERS_PREFIX = "answers/"

#: Used if the live endpoint's instance type hosts endpoints only, such as ml.c5.large, or if the
#: endpoint is serverless.
INSTANCE_TYPE: TransformInstanceTypeType = "ml.m5.large"

POLL_SECONDS = 10.0
_FINAL_STATUSES = {"Completed", "Failed", "Stopped"}


@dataclass(frozen=True)
class LiveModel:
    """The model behind the endpoint, and the instance type that serves it, if one does."""

    name: str
    instance_type: str


@dataclass(frozen=True)
class BatchJob:
    """A transform job that was started.

    Attributes
    ----------
    job, model
        Names in SageMaker.
    photos
        Their number.
    answers
        Prefix in S3 with an object for each photo, named like it with .out at the end.
    """

    job: str
    model: str
    photos: int
    answers: str

    def as_json(self, status: str) -> str:
        """Return it as one line of JSON."""
        return json.dumps({**asdict(self), "status": status})


def start(
    connect: Connect, endpoint_name: str, photos: S3Prefix, answers: S3Prefix | None = None
) -> BatchJob:
    """Start a transform job with the live model.

    Parameters
    ----------
    connect
        Makes clients of AWS's services.
    endpoint_name
        The endpoint whose model and, if transform jobs have it, instance type the job takes.
    photos
        Photos below `batch/` of the stack's bucket: the model's role may read none elsewhere.
    answers
        Where the answers are written; by default `answers/<job>/` of the same bucket.

    Raises
    ------
    KennelError
        If there is no live model or no photo, or the prefix holds anything but photos.
    """
    sagemaker: SageMakerClient = connect("sagemaker")
    model = _live_model(sagemaker, endpoint_name)
    count = _count_photos(connect("s3"), photos)
    job = f"{endpoint_name}-batch-{datetime.now(UTC):%Y%m%d-%H%M%S}"
    destination = answers or S3Prefix(photos.bucket, f"{ANSWERS_PREFIX}{job}/")
    sagemaker.create_transform_job(
        TransformJobName=job,
        ModelName=model.name,
        BatchStrategy="SingleRecord",  # a photo is a record, and a record is a request
        TransformInput={
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": photos.uri}},
            "ContentType": PHOTO_TYPE,
            "SplitType": "None",
        },
        TransformOutput={"S3OutputPath": destination.uri, "Accept": "application/json"},
        TransformResources={
            "InstanceType": transform_instance_type(model.instance_type),
            "InstanceCount": 1,
        },
    )
    return BatchJob(job, model.name, count, destination.uri)


def transform_instance_type(hosting: str) -> TransformInstanceTypeType:
    """Return the endpoint's instance type, or INSTANCE_TYPE if transform jobs do not have it."""
    service = botocore.session.get_session().get_service_model("sagemaker")
    shape = cast("StringShape", service.shape_for("TransformInstanceType"))
    return cast("TransformInstanceTypeType", hosting) if hosting in shape.enum else INSTANCE_TYPE


def wait(
    connect: Connect,
    batch: BatchJob,
    on_progress: Callable[[str, int], None],
    *,
    sleep: Callable[[float], None] = time.sleep,
) -> str:
    """Wait until the job has ended, and return its status.

    Parameters
    ----------
    on_progress
        Called after each poll with the job's status and the number of answers in S3.
    sleep
        Waits between two polls.

    Raises
    ------
    KennelError
        With SageMaker's own reason, if the job fails.
    """
    sagemaker: SageMakerClient = connect("sagemaker")
    s3: S3Client = connect("s3")
    answers_prefix = S3Prefix.read(batch.answers)
    while True:
        job = sagemaker.describe_transform_job(TransformJobName=batch.job)
        status = job["TransformJobStatus"]
        on_progress(status, sum(key.endswith(".out") for key in answers_prefix.keys(s3)))
        if status == "Failed":
            reason = job.get("FailureReason", "SageMaker gives no reason")
            raise KennelError(
                f"the transform job {batch.job} failed: {reason} (its log is in the log group "
                "/aws/sagemaker/TransformJobs)"
            )
        if status in _FINAL_STATUSES:
            return status
        sleep(POLL_SECONDS)


def _live_model(sagemaker: SageMakerClient, endpoint_name: str) -> LiveModel:
    try:
        endpoint = sagemaker.describe_endpoint(EndpointName=endpoint_name)
    except ClientError as error:
        if code_of(error) != "ValidationException":
            raise
        raise KennelError(
            f"there is no endpoint {endpoint_name}: start an execution of the state machine first"
        ) from error
    if endpoint["EndpointStatus"] != "InService":
        raise KennelError(
            f"the endpoint {endpoint_name} is {endpoint['EndpointStatus']}: its model is proven "
            "when it is InService"
        )
    config = sagemaker.describe_endpoint_config(EndpointConfigName=endpoint["EndpointConfigName"])
    variant = config["ProductionVariants"][0]
    return LiveModel(variant["ModelName"], variant.get("InstanceType", INSTANCE_TYPE))


def _count_photos(s3: S3Client, photos: S3Prefix) -> int:
    if not photos.prefix.startswith(PHOTOS_PREFIX):
        raise KennelError(
            f"{photos.uri} is outside {PHOTOS_PREFIX}, and the model's role may read photos only "
            f"there: copy them, for example aws s3 sync FOLDER s3://{photos.bucket}/"
            f"{PHOTOS_PREFIX}NAME/"
        )
    keys = [key for key in photos.keys(s3) if not key.endswith("/")]
    if not keys:
        raise KennelError(f"{photos.uri} holds no object: expected photos")
    others = [key for key in keys if not key.lower().endswith(PHOTO_ENDINGS)]
    if others:
        raise KennelError(
            f"{photos.uri} holds {len(others)} objects that are no photos, the first "
            f"{others[0]}: SageMaker sends every object to the model, so keep only "
            f"{', '.join(PHOTO_ENDINGS)} there"
        )
    return len(keys)
