"""Find everything that would stop a release, before anything is created.

Checked are the execution's input, the template's parameters, the photos in the bucket, what later
states need of the account, and its quotas.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from common.failures import PreflightFailed
from common.log import logger
from preflight.account import account_problems
from preflight.clients import Clients
from preflight.data import NO_PHOTOS, Photos, find_photos
from preflight.findings import accepted_kinds, findings, sentences
from preflight.parameters import (
    PreflightSettings,
    name_problems,
    parameter_problems,
    training_parameter_problems,
)
from preflight.quotas import needs, running_instances, split
from preflight.request import Request, read_request
from preflight.sample import look_into

__all__ = ["check"]

#: The state machine's TimeoutSeconds, less an hour for the image, the release and its bake.
LONGEST_JOBS_S = 11 * 3600


def check(given: Any, settings: PreflightSettings, clients: Clients) -> dict[str, Any]:
    """Check input, parameters, photos, account and quotas; report all problems at once.

    Parameters
    ----------
    given
        The execution's input.
    settings
        The template's parameters.

    Returns
    -------
    dict
        `mode` ("release", "pretrained", "train" or "tune"), the arguments of training, what to
        release, and the checked values.

    Raises
    ------
    PreflightFailed
        Lists every problem; what only a later execution would meet is a warning.
    """
    request, problems = read_request(given)
    # A release of what is there trains nothing, so the photos do not matter.
    photos = NO_PHOTOS if request.release else find_photos(clients.s3, settings.bucket)
    invalid_name = list(name_problems(settings))
    problems += invalid_name
    problems += parameter_problems(settings)
    problems += _version_problems(request, settings)
    problems += _photo_problems(request, photos, settings, clients)
    if photos.count:
        problems += training_parameter_problems(settings)
        problems += _time_problems(request, settings)
    usable = not invalid_name
    if usable:  # the role allows to look for names that are valid
        of_account = list(account_problems(settings, clients, trains=bool(photos.count)))
        problems, usable = problems + of_account, not of_account
    warnings: list[str] = []
    if settings.check_quotas:
        running = running_instances(clients.sagemaker, settings) if usable else None
        jobs = (request.tune["parallel"] if request.tune else 1) if photos.count else 0
        too_small, warnings = split(clients.quotas, needs(settings, running=running, jobs=jobs))
        problems += too_small
    if problems:
        raise PreflightFailed(problems)
    for warning in warnings:
        logger.warning(warning)
    return {
        "endpoint_name": settings.endpoint_name,
        "instance_type": settings.instance_type,
        "min_instances": settings.scaling.min_instances,
        "max_instances": settings.scaling.max_instances,
        "mode": _mode(request, photos),
        "release": request.release,
        "tune": dict(request.tune) if request.tune else None,
        "hyperparameters": dict(request.hyperparameters),
        "data": photos.summary(),
        "warnings": warnings,
    }


def _mode(request: Request, photos: Photos) -> str:
    if request.release:
        return "release"
    if not photos.count:
        return "pretrained"
    return "tune" if request.tune else "train"


def _photo_problems(
    request: Request, photos: Photos, settings: PreflightSettings, clients: Clients
) -> Iterator[str]:
    accepted, problem = accepted_kinds(request.hyperparameters.get("accept", ""))
    if problem:
        yield problem
    if not photos.count and request.asks_for_training:
        yield (
            f"The input asks for training, and s3://{settings.bucket}/data/ holds no photos: "
            "upload them to data/train/<breed>/, or start with {} for the pretrained model."
        )
    yield from photos.problems
    looks = look_into(clients.s3, settings.bucket, photos.photos)
    yield from sentences(findings(photos, looks), accepted)


def _version_problems(request: Request, settings: PreflightSettings) -> Iterator[str]:
    """Find a version or a package of another stack, which the roles may not read."""
    release = request.release or ""
    group = f":model-package/{settings.group}/".lower()
    if release.startswith("arn:") and group not in release.lower():
        yield f"release is {release}: expected a version of this stack's group, {settings.group}."
    if release.startswith("s3:") and not release.startswith(f"s3://{settings.bucket}/"):
        yield f"release is {release}: expected a package in s3://{settings.bucket}/."


def _time_problems(request: Request, settings: PreflightSettings) -> Iterator[str]:
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
