"""Find everything that would stop a release, before anything is created.

The template's parameters have patterns and ranges. Checked here is what those cannot express: one
setting against another, AWS's rules about instance types, the execution's input, the photos in the
bucket, and the account's quotas.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from common.environment import Environment
from common.failures import PreflightFailed
from common.scaling import METRICS, ScalingSettings
from preflight.data import Photos, find_photos, photo_problems
from preflight.quotas import quota_problems
from preflight.request import Request, read_request

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client
    from types_boto3_service_quotas.client import ServiceQuotasClient

__all__ = ["PreflightSettings", "check"]

# SageMaker accepts capitals, but it matches lower-cased ARNs against a role's, which then denies.
# 32, because models and configurations add 21 characters and SageMaker allows 63.
_NAME = re.compile(r"[a-z0-9](-?[a-z0-9]){0,31}")
_LONGEST_NAME = 32
_INSTANCE_TYPE = re.compile(r"ml\.[a-z0-9-]+\.[a-z0-9]+")
_ECR_IMAGE = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com[^/]*/(?P<repository>[^:@]+)[:@].+"
)
_LONGEST_COOLDOWN_S = 3600
#: The state machine's TimeoutSeconds, less an hour for the image, the release and its bake.
LONGEST_JOBS_S = 11 * 3600


@dataclass(frozen=True, slots=True)
class PreflightSettings:
    """The environment of PreflightFunction."""

    endpoint_name: str  # ENDPOINT_NAME
    bucket: str  # BUCKET_NAME
    serving_image: str  # SERVING_IMAGE: empty = built from the bundle
    image_account: str  # IMAGE_ACCOUNT: AWS's account of its own images, in this region
    instance_type: str  # INSTANCE_TYPE
    training_instance_type: str  # TRAINING_INSTANCE_TYPE
    training_max_s: int  # TRAINING_MAX_SECONDS
    check_quotas: bool  # CHECK_QUOTAS: yes or no
    scaling: ScalingSettings

    @classmethod
    def from_environment(cls, environment: Environment) -> Self:
        """Read the settings; a missing one raises BadEnvironment."""
        return cls(
            endpoint_name=environment.text("ENDPOINT_NAME"),
            bucket=environment.text("BUCKET_NAME"),
            serving_image=environment.text("SERVING_IMAGE"),
            image_account=environment.text("IMAGE_ACCOUNT"),
            instance_type=environment.text("INSTANCE_TYPE"),
            training_instance_type=environment.text("TRAINING_INSTANCE_TYPE"),
            training_max_s=environment.integer("TRAINING_MAX_SECONDS"),
            check_quotas=environment.one_of("CHECK_QUOTAS", "yes", "no") == "yes",
            scaling=ScalingSettings.from_environment(environment),
        )


def check(
    given: Any, settings: PreflightSettings, s3: S3Client, quotas: ServiceQuotasClient
) -> dict[str, Any]:
    """Check input, settings, photos and quotas; report all problems at once.

    Parameters
    ----------
    given
        The execution's input.
    settings
        The template's parameters.
    s3, quotas
        boto3's clients.

    Returns
    -------
    dict
        `mode` ("pretrained", "train" or "tune"), the arguments of training, and the checked values.

    Raises
    ------
    PreflightFailed
        Lists every problem.
    """
    request, problems = read_request(given)
    photos = find_photos(s3, settings.bucket)
    problems += _setting_problems(settings)
    problems += _training_problems(request, photos, settings)
    if settings.check_quotas:
        problems += quota_problems(quotas, _needed_quotas(request, photos, settings))
    if problems:
        raise PreflightFailed(problems)
    return {
        "endpoint_name": settings.endpoint_name,
        "instance_type": settings.instance_type,
        "min_instances": settings.scaling.min_instances,
        "max_instances": settings.scaling.max_instances,
        "mode": _mode(request, photos),
        "tune": dict(request.tune) if request.tune else None,
        "hyperparameters": dict(request.hyperparameters),
        "data": photos.summary(),
    }


def _mode(request: Request, photos: Photos) -> str:
    if not photos.count:
        return "pretrained"
    return "tune" if request.tune else "train"


def _setting_problems(settings: PreflightSettings) -> Iterator[str]:
    yield from _name_problems(settings)
    yield from _image_problems(settings)
    yield from _instance_type_problems(settings.instance_type)
    yield from _scaling_problems(settings.scaling)


def _training_problems(
    request: Request, photos: Photos, settings: PreflightSettings
) -> Iterator[str]:
    if not photos.count:
        if request.asks_for_training:
            yield (
                f"The input asks for training, and s3://{settings.bucket}/data/ holds no photos: "
                "upload them to data/train/<breed>/, or start with {} for the pretrained model."
            )
        return
    yield from photo_problems(photos)
    if not _INSTANCE_TYPE.fullmatch(settings.training_instance_type):
        yield (
            f"TrainingInstanceType is {settings.training_instance_type!r}: "
            "SageMaker's look like ml.m5.xlarge."
        )
    tune = request.tune or {"max_jobs": 0, "parallel": 1}
    rounds = -(-tune["max_jobs"] // tune["parallel"]) + 1  # one more: the training with the best
    max_seconds = rounds * settings.training_max_s
    if max_seconds > LONGEST_JOBS_S:
        yield (
            f"These jobs may take {max_seconds / 3600:.1f} hours ({rounds} one after another of up "
            f"to {settings.training_max_s} s), and an execution leaves them "
            f"{LONGEST_JOBS_S / 3600:.0f}: ask for fewer, more in parallel, or deploy with a lower "
            "TrainingMaxSeconds."
        )


def _needed_quotas(request: Request, photos: Photos, settings: PreflightSettings) -> dict[str, int]:
    """Return the required quotas by name; an update runs old and new instances at once."""
    needed = {
        f"{settings.instance_type} for endpoint usage": 2 * settings.scaling.max_instances,
    }
    if photos.count:
        jobs = request.tune["parallel"] if request.tune else 1
        needed[f"{settings.training_instance_type} for training job usage"] = jobs
    return needed


def _name_problems(settings: PreflightSettings) -> Iterator[str]:
    name = settings.endpoint_name
    if not _NAME.fullmatch(name) or len(name) > _LONGEST_NAME:
        yield (
            f"EndpointName is {name!r}: lower-case letters, digits and single hyphens between "
            f"them are allowed, {_LONGEST_NAME} at most, since SageMaker matches lower-cased ARNs."
        )


def _image_problems(settings: PreflightSettings) -> Iterator[str]:
    image = settings.serving_image
    repository = f"{settings.endpoint_name}/serving"
    if re.search(r"\s", image):
        yield f"ServingImage is {image!r}: an image's URI has no spaces."
    ecr = _ECR_IMAGE.fullmatch(image)
    if ecr and ecr["account"] == settings.image_account:
        return  # one of AWS's own
    if ecr and ecr["repository"] != repository:
        yield (
            f"ServingImage is in the ECR repository {ecr['repository']}, but the model's role may "
            f"pull from {repository} only: push the image there."
        )


def _instance_type_problems(instance_type: str) -> Iterator[str]:
    if not _INSTANCE_TYPE.fullmatch(instance_type):
        yield f"InstanceType is {instance_type!r}: SageMaker's look like ml.c5.large."
    elif instance_type.startswith("ml.t2."):
        yield f"InstanceType is {instance_type}: endpoints on ml.t2 cannot autoscale, use ml.c5."
    elif instance_type.startswith("ml.t3."):
        yield f"InstanceType is {instance_type}: ml.t3 is no hosting type, use ml.c5."


def _scaling_problems(scaling: ScalingSettings) -> Iterator[str]:
    low, high = scaling.min_instances, scaling.max_instances
    if low < 1:
        yield f"MinInstances is {low}: an endpoint needs an instance, so 1 or more."
    if low > high:
        yield f"MinInstances is {low} and MaxInstances {high}: the first must not be the larger."
    if scaling.metric not in METRICS:
        yield f"ScalingMetric is {scaling.metric!r}: {' or '.join(METRICS)}."
    if scaling.target_concurrency < 1:
        yield (
            f"TargetConcurrencyPerInstance is {scaling.target_concurrency}: "
            "requests at once, 1 or more."
        )
    if scaling.target_invocations < 1:
        yield (
            f"TargetInvocationsPerInstance is {scaling.target_invocations}: "
            "invocations a minute, 1 or more."
        )
    for parameter, seconds in (
        ("ScaleInCooldown", scaling.scale_in_cooldown_s),
        ("ScaleOutCooldown", scaling.scale_out_cooldown_s),
    ):
        if not 0 <= seconds <= _LONGEST_COOLDOWN_S:
            yield f"{parameter} is {seconds}: seconds, from 0 to {_LONGEST_COOLDOWN_S}."
