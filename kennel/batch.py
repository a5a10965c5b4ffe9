"""`kennel batch`: breeds for every photo below an S3 prefix, by the live endpoint's own model."""

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import botocore.session
from botocore.exceptions import ClientError

from kennel.aws import Connect, code_of
from kennel.errors import KennelError

#: SageMaker sends every object of a prefix with one content type; the server looks into the
#: photo itself, and takes any of the three under any of their types.
PHOTO_TYPE = "image/jpeg"
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
#: What the model's role may read and write in the stack's bucket (ModelRole in template.yaml).
PHOTOS_PREFIX = "batch/"
ANSWERS_PREFIX = "answers/"

#: Instead of a type that hosts endpoints and transforms nothing, such as ml.c5.large.
INSTANCE_TYPE = "ml.m5.large"

POLL_SECONDS = 10.0
_ENDED = {"Completed", "Failed", "Stopped"}


@dataclass(frozen=True)
class Place:
    """A prefix in S3."""

    bucket: str
    prefix: str

    @classmethod
    def read(cls, uri: str) -> "Place":
        """Read ``s3://bucket/prefix``; anything else raises KennelError."""
        parts = urlsplit(uri)
        if parts.scheme != "s3" or not parts.netloc:
            raise KennelError(f"{uri!r} is no prefix in S3: expected s3://bucket/prefix")
        return cls(parts.netloc, parts.path.lstrip("/"))

    @property
    def uri(self) -> str:
        """The way AWS writes it."""
        return f"s3://{self.bucket}/{self.prefix}"


@dataclass(frozen=True)
class Batch:
    """A transform job that has begun."""

    job: str
    model: str
    photos: int
    answers: str  # s3://..., one object a photo, named like it with .out at the end

    def as_json(self, status: str) -> str:
        """Return it as one line of JSON."""
        return json.dumps({**asdict(self), "status": status})


def start(
    connect: Connect, endpoint_name: str, photos: Place, answers: Place | None = None
) -> Batch:
    """Start a transform job with the model that is live.

    Parameters
    ----------
    connect
        The operator's clients.
    endpoint_name
        Whose model, and whose instance type where transform jobs have it.
    photos
        Photos below `batch/` of the stack's bucket: the model's role may read none elsewhere.
    answers
        Where the answers go; by default `answers/<job>/` of the same bucket.

    Raises
    ------
    KennelError
        When there is no live model, no photo, or the prefix holds anything else.
    """
    sagemaker = connect("sagemaker")
    variant = _live_variant(sagemaker, endpoint_name)
    count = _count_photos(connect("s3"), photos)
    job = f"{endpoint_name}-batch-{datetime.now(UTC):%Y%m%d-%H%M%S}"
    where = answers or Place(photos.bucket, f"{ANSWERS_PREFIX}{job}/")
    sagemaker.create_transform_job(
        TransformJobName=job,
        ModelName=variant["ModelName"],
        BatchStrategy="SingleRecord",  # a photo is a record, and a record is a request
        TransformInput={
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": photos.uri}},
            "ContentType": PHOTO_TYPE,
            "SplitType": "None",
        },
        TransformOutput={"S3OutputPath": where.uri, "Accept": "application/json"},
        TransformResources={
            "InstanceType": transform_instance_type(variant["InstanceType"]),
            "InstanceCount": 1,
        },
    )
    return Batch(job, variant["ModelName"], count, where.uri)


def transform_instance_type(live: str) -> str:
    """Return the live instance type, or INSTANCE_TYPE where transform jobs do not have it."""
    model = botocore.session.get_session().get_service_model("sagemaker")
    return live if live in model.shape_for("TransformInstanceType").enum else INSTANCE_TYPE


def wait(
    connect: Connect,
    batch: Batch,
    on_progress: Callable[[str, int], None],
    *,
    sleep: Callable[[float], None] = time.sleep,
) -> str:
    """Wait for the job's end, and return its status.

    Parameters
    ----------
    on_progress
        Called with the job's status and the number of answers in S3, at each look.
    sleep
        Waits between two looks.

    Raises
    ------
    KennelError
        With SageMaker's own reason, when the job fails.
    """
    sagemaker, s3 = connect("sagemaker"), connect("s3")
    place = Place.read(batch.answers)
    while True:
        described = sagemaker.describe_transform_job(TransformJobName=batch.job)
        status = str(described["TransformJobStatus"])
        answers = sum(key.endswith(".out") for key in _keys(s3, place))
        on_progress(status, answers)
        if status == "Failed":
            reason = described.get("FailureReason", "SageMaker gives no reason")
            raise KennelError(
                f"the transform job {batch.job} failed: {reason} (its log is in the log group "
                "/aws/sagemaker/TransformJobs)"
            )
        if status in _ENDED:
            return status
        sleep(POLL_SECONDS)


def _live_variant(sagemaker: Any, endpoint_name: str) -> dict[str, Any]:
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
    variant: dict[str, Any] = config["ProductionVariants"][0]
    return variant


def _count_photos(s3: Any, photos: Place) -> int:
    if not photos.prefix.startswith(PHOTOS_PREFIX):
        raise KennelError(
            f"{photos.uri} is outside {PHOTOS_PREFIX}, and the model's role may read photos only "
            f"there: copy them, for example aws s3 sync FOLDER s3://{photos.bucket}/"
            f"{PHOTOS_PREFIX}NAME/"
        )
    keys = [key for key in _keys(s3, photos) if not key.endswith("/")]
    if not keys:
        raise KennelError(f"{photos.uri} holds no object: expected photos")
    strange = [key for key in keys if not key.lower().endswith(SUFFIXES)]
    if strange:
        raise KennelError(
            f"{photos.uri} holds {len(strange)} objects that are no photos, the first "
            f"{strange[0]}: SageMaker sends every object to the model, so keep only "
            f"{', '.join(SUFFIXES)} there"
        )
    return len(keys)


def _keys(s3: Any, place: Place) -> list[str]:
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=place.bucket, Prefix=place.prefix)
    try:
        return [each["Key"] for page in pages for each in page.get("Contents", [])]
    except ClientError as error:
        if code_of(error) != "NoSuchBucket":
            raise
        raise KennelError(f"there is no bucket {place.bucket}") from error
