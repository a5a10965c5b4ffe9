"""What would stop a release, found before anything is created.

The template's parameters already have patterns and ranges; here is what those cannot say (one
setting against another, AWS's rules about instance types), and the input, which nobody checked.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

from common.environment import Environment
from common.failure import PreflightFailed
from common.scaling import Scaling

__all__ = ["Settings", "check", "problems"]

# SageMaker would take capitals, but it matches lower-cased ARNs against a role's: they deny.
# 32, since models and configurations add 22 characters and end at SageMaker's 63.
_NAME = re.compile(r"[a-z0-9](-?[a-z0-9]){0,31}")
_LONGEST_NAME = 32
_INSTANCE_TYPE = re.compile(r"ml\.[a-z0-9-]+\.[a-z0-9]+")
_ECR_IMAGE = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com[^/]*/(?P<repository>[^:@]+)[:@].+"
)
_LONGEST_COOLDOWN_S = 3600
_INPUT_KEYS = frozenset({"Comment"})  # the console's own example input; issue by issue it grows


@dataclass(frozen=True, slots=True)
class Settings:
    """The environment of PreflightFunction."""

    endpoint_name: str  # ENDPOINT_NAME
    serving_image: str  # SERVING_IMAGE: empty until an image was built
    instance_type: str  # INSTANCE_TYPE
    scaling: Scaling

    @classmethod
    def from_environment(cls, environment: Environment) -> Self:
        """Read the settings; a missing one raises BadEnvironment."""
        return cls(
            endpoint_name=environment.text("ENDPOINT_NAME"),
            serving_image=environment.text("SERVING_IMAGE"),
            instance_type=environment.text("INSTANCE_TYPE"),
            scaling=Scaling.from_environment(environment),
        )


def check(given: Any, settings: Settings) -> dict[str, Any]:
    """Find all problems at once.

    Parameters
    ----------
    given
        The execution's input.
    settings
        The template's parameters.

    Returns
    -------
    dict
        What was checked, for the person who reads the execution.

    Raises
    ------
    PreflightFailed
        With every problem found.
    """
    found = list(problems(given, settings))
    if found:
        raise PreflightFailed(found)
    return {
        "endpoint_name": settings.endpoint_name,
        "serving_image": settings.serving_image,
        "instance_type": settings.instance_type,
        "min_instances": settings.scaling.min_instances,
        "max_instances": settings.scaling.max_instances,
    }


def problems(given: Any, settings: Settings) -> Iterator[str]:
    """Yield a sentence for each problem."""
    yield from _input(given)
    yield from _names(settings)
    yield from _image(settings)
    yield from _instance_type(settings.instance_type)
    yield from _scaling(settings.scaling)


def _input(given: object) -> Iterator[str]:
    if not isinstance(given, dict):
        yield f"The input is {json.dumps(given)[:40]}, where an object belongs: start with {{}}."
        return
    unknown = sorted(set(given) - _INPUT_KEYS)
    if unknown:
        yield (
            f"The input has {', '.join(unknown)}, which this state machine does not know: "
            f"it takes {', '.join(sorted(_INPUT_KEYS))}."
        )


def _names(settings: Settings) -> Iterator[str]:
    name = settings.endpoint_name
    if not _NAME.fullmatch(name) or len(name) > _LONGEST_NAME:
        yield (
            f"EndpointName is {name!r}: lower-case letters, digits and single hyphens between "
            f"them are allowed, {_LONGEST_NAME} at most, since SageMaker matches lower-cased ARNs."
        )


def _image(settings: Settings) -> Iterator[str]:
    image = settings.serving_image
    repository = f"{settings.endpoint_name}/serving"
    if not image:
        yield (
            "ServingImage is empty: build model/Dockerfile, push it to the ECR repository "
            f"{repository} and deploy with ServingImage=<its URI>."
        )
        return
    if re.search(r"\s", image):
        yield f"ServingImage is {image!r}: an image's URI has no spaces."
    ecr = _ECR_IMAGE.fullmatch(image)
    if ecr and ecr["repository"] != repository:
        yield (
            f"ServingImage is in the ECR repository {ecr['repository']}, but the model's role may "
            f"pull from {repository} only: push the image there."
        )


def _instance_type(instance_type: str) -> Iterator[str]:
    if not _INSTANCE_TYPE.fullmatch(instance_type):
        yield f"InstanceType is {instance_type!r}: SageMaker's look like ml.c5.large."
    elif instance_type.startswith("ml.t2."):
        yield f"InstanceType is {instance_type}: endpoints on ml.t2 cannot autoscale, use ml.c5."
    elif instance_type.startswith("ml.t3."):
        yield f"InstanceType is {instance_type}: ml.t3 is no hosting type, use ml.c5."


def _scaling(scaling: Scaling) -> Iterator[str]:
    low, high = scaling.min_instances, scaling.max_instances
    if low < 1:
        yield f"MinInstances is {low}: an endpoint needs an instance, so 1 or more."
    if low > high:
        yield f"MinInstances is {low} and MaxInstances {high}: the first must not be the larger."
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
