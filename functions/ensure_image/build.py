"""Find a bundle's serving image in ECR, or have CodeBuild build it from the bundle's source.

The state machine calls until the image is ready. No state is kept between calls except CodeBuild's
own, so every call is idempotent. Two executions of the same bundle share one build.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from common.aws import error_code
from common.execution import Execution
from common.failures import ImageBuildFailed
from common.images import ServingImage

if TYPE_CHECKING:
    from types_boto3_codebuild.client import CodeBuildClient
    from types_boto3_codebuild.type_defs import BuildTypeDef
    from types_boto3_ecr.client import ECRClient

__all__ = ["EXECUTION_VARIABLE", "ImageBuildSettings", "ensure_image"]

TAG_VARIABLE, SOURCE_VARIABLE = "IMAGE_TAG", "SOURCE_URI"
EXECUTION_VARIABLE = "KENNEL_EXECUTION"  # the execution's ARN, by which CleanUp finds the build
DIGEST_VARIABLE = "KENNEL_DIGEST"  # of the execution and its redrive: a redrive builds again
_LATEST_BUILDS = 20  # builds of the project that are looked at
#: The only manifest that SageMaker hosts. ECR leaves the type out for some older images.
_DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"

_NO_BUILDS = (
    'CodeBuild refuses to build the serving image, saying "{}": the quota of concurrently running '
    "builds is 0 in many new accounts. Ask for 1 or more in Service Quotas, or AWS Support if it "
    "has 1 or more already; or deploy with ServingHost=ray, which needs no build."
)


@dataclass(frozen=True, slots=True)
class ImageBuildSettings:
    """The environment of EnsureImageFunction."""

    image: ServingImage
    repository: str  # REPOSITORY_NAME
    project: str  # PROJECT_NAME
    bucket: str  # BUCKET_NAME


def ensure_image(
    execution: Execution,
    bundle: Mapping[str, str],
    settings: ImageBuildSettings,
    ecr: ECRClient,
    codebuild: CodeBuildClient,
) -> dict[str, Any]:
    """Find the image or a running build of it, or start a build.

    Parameters
    ----------
    bundle
        hash and prefix.

    Returns
    -------
    dict
        status: "ready" or "building"; image: its URI, which exists when it is ready.

    Raises
    ------
    ImageBuildFailed
        The build that this execution started did not produce the image, or the image has a manifest
        that SageMaker refuses.
    """
    uri = settings.image.uri(bundle["hash"])
    if settings.image.given or _image_exists(ecr, settings.repository, bundle["hash"]):
        return {"status": "ready", "image": uri}
    for build in _latest_builds(codebuild, settings.project):
        variables = _variables(build)
        if variables.get(TAG_VARIABLE) != bundle["hash"]:
            continue
        if build["buildStatus"] == "IN_PROGRESS":
            return {"status": "building", "image": uri}
        if variables.get(DIGEST_VARIABLE) == execution.digest:
            if _image_exists(ecr, settings.repository, bundle["hash"]):  # pushed since the check
                return {"status": "ready", "image": uri}
            raise ImageBuildFailed(_failure_reason(build, uri))
    try:
        codebuild.start_build(
            projectName=settings.project,
            # A second call within five minutes returns the first call's build.
            idempotencyToken=execution.digest,
            environmentVariablesOverride=[
                {"name": TAG_VARIABLE, "value": bundle["hash"]},
                {
                    "name": SOURCE_VARIABLE,
                    "value": f"s3://{settings.bucket}/{bundle['prefix']}source.tar.gz",
                },
                {"name": EXECUTION_VARIABLE, "value": execution.arn},
                {"name": DIGEST_VARIABLE, "value": execution.digest},
            ],
        )
    except ClientError as error:
        if error_code(error) != "AccountLimitExceededException":
            raise
        raise ImageBuildFailed(_NO_BUILDS.format(error.response["Error"].get("Message"))) from error
    return {"status": "building", "image": uri}


def _image_exists(ecr: ECRClient, repository: str, tag: str) -> bool:
    try:
        images = ecr.describe_images(repositoryName=repository, imageIds=[{"imageTag": tag}])
    except ClientError as error:
        if error_code(error) != "ImageNotFoundException":
            raise
        return False
    (image,) = images["imageDetails"]
    manifest = image.get("imageManifestMediaType", _DOCKER_MANIFEST)
    if manifest != _DOCKER_MANIFEST:
        raise ImageBuildFailed(
            f"The image {repository}:{tag} has a manifest of type {manifest}, and SageMaker hosts "
            f"{_DOCKER_MANIFEST} only: delete the image and start again, so that it is built anew, "
            "or push it by `docker buildx build --provenance=false --output "
            "type=image,oci-mediatypes=false,push=true`."
        )
    return True


def _latest_builds(codebuild: CodeBuildClient, project: str) -> Sequence[BuildTypeDef]:
    ids = codebuild.list_builds_for_project(projectName=project, sortOrder="DESCENDING")["ids"]
    return codebuild.batch_get_builds(ids=ids[:_LATEST_BUILDS])["builds"] if ids else []


def _variables(build: BuildTypeDef) -> dict[str, str]:
    variables = build.get("environment", {}).get("environmentVariables", [])
    return {variable["name"]: variable["value"] for variable in variables}


def _failure_reason(build: BuildTypeDef, uri: str) -> str:
    if build["buildStatus"] == "SUCCEEDED":
        return f"The build {build['id']} succeeded, but {uri} is not in ECR: see the project's log."
    messages = [
        f"{phase['phaseType']}: {context['message']}"
        for phase in build.get("phases", [])
        for context in phase.get("contexts", [])
        if context.get("message")
    ]
    log = build.get("logs", {}).get("deepLink", "the project's log")
    reason = f" ({'; '.join(messages)[:500]})" if messages else ""
    return (
        f"The build of the serving image {build['id']} is {build['buildStatus']}{reason}: "
        f"see {log}."
    )
