"""Find what is wrong with the template's parameters, beyond their patterns and ranges.

One setting is checked against another, and against AWS's rules about instance types and images.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

from common.environment import Environment
from common.hosting import Serverless
from common.scaling import METRICS, ScalingSettings

__all__ = [
    "PreflightSettings",
    "name_problems",
    "parameter_problems",
    "training_parameter_problems",
]

# SageMaker accepts capitals, but it matches lower-cased ARNs against a role's, which then denies.
# 32, because models and configurations add 21 characters and SageMaker allows 63.
_NAME = re.compile(r"[a-z0-9](-?[a-z0-9]){0,31}")
_LONGEST_NAME = 32
_INSTANCE_TYPE = re.compile(r"ml\.[a-z0-9-]+\.[a-z0-9]+")
_LONGEST_COOLDOWN_S = 3600


@dataclass(frozen=True, slots=True)
class PreflightSettings:
    """The environment of PreflightFunction."""

    endpoint_name: str  # ENDPOINT_NAME
    bucket: str  # BUCKET_NAME
    serving_image: str  # SERVING_IMAGE: empty = built from the bundle
    training_image: str  # TRAINING_IMAGE
    repository_uri: str  # REPOSITORY_URI: the stack's own repository of serving images
    group: str  # MODEL_PACKAGE_GROUP
    instance_type: str  # INSTANCE_TYPE
    training_instance_type: str  # TRAINING_INSTANCE_TYPE
    training_max_s: int  # TRAINING_MAX_SECONDS
    check_quotas: bool  # CHECK_QUOTAS: yes or no
    scaling: ScalingSettings
    serverless: Serverless | None = None  # None: on instances

    @classmethod
    def from_environment(cls, environment: Environment) -> Self:
        """Read the settings; a missing one raises BadEnvironment."""
        return cls(
            endpoint_name=environment.text("ENDPOINT_NAME"),
            bucket=environment.text("BUCKET_NAME"),
            serving_image=environment.text("SERVING_IMAGE"),
            training_image=environment.text("TRAINING_IMAGE"),
            repository_uri=environment.text("REPOSITORY_URI"),
            group=environment.text("MODEL_PACKAGE_GROUP"),
            instance_type=environment.text("INSTANCE_TYPE"),
            training_instance_type=environment.text("TRAINING_INSTANCE_TYPE"),
            training_max_s=environment.integer("TRAINING_MAX_SECONDS"),
            check_quotas=environment.one_of("CHECK_QUOTAS", "yes", "no") == "yes",
            scaling=ScalingSettings.from_environment(environment),
            serverless=Serverless.from_environment(environment),
        )


def name_problems(settings: PreflightSettings) -> Iterator[str]:
    """Yield a sentence for a name that SageMaker or the roles would refuse."""
    name = settings.endpoint_name
    if not _NAME.fullmatch(name) or len(name) > _LONGEST_NAME:
        yield (
            f"EndpointName is {name!r}: lower-case letters, digits and single hyphens between "
            f"them are allowed, {_LONGEST_NAME} at most, since SageMaker matches lower-cased ARNs."
        )


def parameter_problems(settings: PreflightSettings) -> Iterator[str]:
    """Yield a sentence for each problem of a parameter that a release uses."""
    if settings.serving_image:
        yield from _image_problems("ServingImage", settings.serving_image, settings)
    yield from _instance_type_problems(settings.instance_type)
    yield from _scaling_problems(settings.scaling)


def training_parameter_problems(settings: PreflightSettings) -> Iterator[str]:
    """Yield a sentence for each problem of a parameter that only a training uses."""
    if not _INSTANCE_TYPE.fullmatch(settings.training_instance_type):
        yield (
            f"TrainingInstanceType is {settings.training_instance_type!r}: "
            "SageMaker's look like ml.m5.xlarge."
        )
    yield from _image_problems("TrainingImage", settings.training_image, settings)


def _image_problems(parameter: str, image: str, settings: PreflightSettings) -> Iterator[str]:
    """Yield a sentence for an image that SageMaker cannot pull: it takes those of its region only.

    The roles allow to pull from the repository that the parameter names, whichever it is.
    """
    region = settings.repository_uri.partition("/")[0][len("123456789012") :]
    if not re.fullmatch(rf"\d{{12}}{re.escape(region)}/[^:@\s]+[:@]\S+", image):
        yield (
            f"{parameter} is {image!r}, and SageMaker pulls from this region's ECR only: give it "
            f"as ACCOUNT{region}/REPOSITORY:TAG, or leave the parameter empty."
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
    if scaling.office_hours and (problem := scaling.office_hours.problem(low, high)):
        yield problem
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
