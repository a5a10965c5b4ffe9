"""Check that the account has what later states need, hours before they use it.

The live endpoint, whose model training compares with and a rollback restores; the serving image;
the registry's group.
"""

from __future__ import annotations

from collections.abc import Iterator

from botocore.exceptions import ClientError

from common.aws import error_code
from common.failures import LiveModelUnusable, PackageBroken
from common.hosting import hosting_of
from common.live import releasable_config, releasable_package
from common.package import read_files
from common.sagemaker import BROKEN, describe_endpoint, describe_or_none, refusal
from preflight.clients import Clients
from preflight.parameters import PreflightSettings

__all__ = ["account_problems"]

_MISSING_IMAGE = frozenset({"ImageNotFoundException", "RepositoryNotFoundException"})


def account_problems(
    settings: PreflightSettings, clients: Clients, *, trains: bool
) -> Iterator[str]:
    """Yield a sentence for each thing that a later state needs and the account lacks.

    Parameters
    ----------
    trains
        Whether there are photos, so that the execution trains a model.
    """
    yield from _endpoint_problems(settings, clients, trains=trains)
    yield from _image_problems(settings, clients)
    yield from _registry_problems(settings, clients)


def _registry_problems(settings: PreflightSettings, clients: Clients) -> Iterator[str]:
    describe = clients.sagemaker.describe_model_package_group
    if describe_or_none(describe, ModelPackageGroupName=settings.group) is None:
        yield (
            f"There is no model package group {settings.group}, in which each model is "
            "registered: create it in the Model Registry, or deploy the stack again."
        )


def _endpoint_problems(
    settings: PreflightSettings, clients: Clients, *, trains: bool
) -> Iterator[str]:
    endpoint = describe_endpoint(clients.sagemaker, settings.endpoint_name)
    if endpoint is not None and endpoint["EndpointStatus"] in BROKEN:
        yield refusal(endpoint)
        return
    try:
        config = releasable_config(clients.sagemaker, settings.endpoint_name)
        if config is None:
            return
        yield from _hosting_problems(settings, hosting_of(config["ProductionVariants"][0]))
        if trains:
            package = releasable_package(
                clients.sagemaker, settings.endpoint_name, config, settings.bucket
            )
            read_files(clients.s3, settings.bucket, package, {"breeds.json", "card.json"})
    except LiveModelUnusable as unusable:
        yield str(unusable)
    except PackageBroken as broken:
        yield (
            f"Training cannot compare with the live model of {settings.endpoint_name}: {broken} "
            "Restore the package, update the endpoint to another model, or delete the endpoint."
        )


def _hosting_problems(settings: PreflightSettings, live: str) -> Iterator[str]:
    hosting = "serverless" if settings.serverless else "instances"
    if hosting != live:
        yield (
            f"Hosting is {hosting}, and the endpoint {settings.endpoint_name} was released with "
            f"Hosting={live}, which no update changes: delete the endpoint (aws sagemaker "
            f"delete-endpoint --endpoint-name {settings.endpoint_name}) and release again, with a "
            f"downtime until the new one is InService, or deploy with Hosting={live}."
        )


def _image_problems(settings: PreflightSettings, clients: Clients) -> Iterator[str]:
    """Look for a given image in the stack's own repository; AWS's images are in none of ours."""
    image = settings.serving_image
    if not image.startswith((f"{settings.repository_uri}:", f"{settings.repository_uri}@")):
        return
    repository = settings.repository_uri.partition("/")[2]
    digest, tag = image.partition("@")[2], image.rpartition(":")[2]
    try:
        clients.ecr.describe_images(
            repositoryName=repository,
            imageIds=[{"imageDigest": digest} if digest else {"imageTag": tag}],
        )
    except ClientError as error:
        if error_code(error) not in _MISSING_IMAGE:
            raise
        yield (
            f"ServingImage is {image}, and ECR has no such image: push it, or leave the parameter "
            "empty to have it built."
        )
