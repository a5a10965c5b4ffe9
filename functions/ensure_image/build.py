"""The serving image of a bundle: in ECR already, or built by CodeBuild from the bundle's source.

The state machine asks again and again until it is ready; nothing is remembered between calls but
what CodeBuild itself knows, so that any call may be repeated. Two executions of the same bundle
share one build.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from botocore.exceptions import ClientError

from common.aws import code_of
from common.execution import Execution
from common.failure import ImageBuildFailed
from common.images import ServingImage

__all__ = ["EXECUTION_VARIABLE", "CodeBuild", "Ecr", "Settings", "ensure_image"]

TAG_VARIABLE, SOURCE_VARIABLE = "IMAGE_TAG", "SOURCE_URI"
EXECUTION_VARIABLE = "KENNEL_EXECUTION"  # its ARN, by which CleanUp finds the build
DIGEST_VARIABLE = "KENNEL_DIGEST"  # of the execution and its redrive: a redrive builds again
_LOOK_BACK = 20  # newest builds of the project


class Ecr(Protocol):
    """What is needed of boto3's `ecr` client."""

    def describe_images(self, **request: Any) -> dict[str, Any]:
        """Find an image by its tag."""


class CodeBuild(Protocol):
    """What is needed of boto3's `codebuild` client."""

    def list_builds_for_project(self, **request: Any) -> dict[str, Any]:
        """Ids of builds, the newest first."""

    def batch_get_builds(self, **request: Any) -> dict[str, Any]:
        """Status, phases and variables of builds."""

    def start_build(self, **request: Any) -> dict[str, Any]:
        """Start a build; answers before it has begun."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The environment of EnsureImageFunction."""

    image: ServingImage
    repository: str  # REPOSITORY_NAME
    project: str  # PROJECT_NAME
    bucket: str  # BUCKET_NAME


def ensure_image(
    execution: Execution,
    bundle: Mapping[str, str],
    settings: Settings,
    ecr: Ecr,
    codebuild: CodeBuild,
) -> dict[str, Any]:
    """Find the image or a build of it, or start one.

    Parameters
    ----------
    bundle
        hash and prefix.

    Returns
    -------
    dict
        status: "ready" or "building"; image: its URI, which exists once it is ready.

    Raises
    ------
    ImageBuildFailed
        The build that this execution has started did not make it.
    """
    uri = settings.image.uri(bundle["hash"])
    if settings.image.given or _is_there(ecr, settings.repository, bundle["hash"]):
        return {"status": "ready", "image": uri}
    for build in _builds(codebuild, settings.project):
        variables = _variables(build)
        if variables.get(TAG_VARIABLE) != bundle["hash"]:
            continue
        if build["buildStatus"] == "IN_PROGRESS":
            return {"status": "building", "image": uri}
        if variables.get(DIGEST_VARIABLE) == execution.digest:
            if _is_there(ecr, settings.repository, bundle["hash"]):  # since the first look
                return {"status": "ready", "image": uri}
            raise ImageBuildFailed(_why(build, uri))
    codebuild.start_build(
        projectName=settings.project,
        # A second call within five minutes gets the first one's build.
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
    return {"status": "building", "image": uri}


def _is_there(ecr: Ecr, repository: str, tag: str) -> bool:
    try:
        ecr.describe_images(repositoryName=repository, imageIds=[{"imageTag": tag}])
    except ClientError as error:
        if code_of(error) != "ImageNotFoundException":
            raise
        return False
    return True


def _builds(codebuild: CodeBuild, project: str) -> Iterator[dict[str, Any]]:
    ids = codebuild.list_builds_for_project(projectName=project, sortOrder="DESCENDING")["ids"]
    if ids:
        yield from codebuild.batch_get_builds(ids=ids[:_LOOK_BACK])["builds"]


def _variables(build: Mapping[str, Any]) -> dict[str, str]:
    listed = build.get("environment", {}).get("environmentVariables", [])
    return {each["name"]: each["value"] for each in listed}


def _why(build: Mapping[str, Any], uri: str) -> str:
    if build["buildStatus"] == "SUCCEEDED":
        return f"The build {build['id']} succeeded, but {uri} is not in ECR: see the project's log."
    reasons = [
        f"{phase['phaseType']}: {context['message']}"
        for phase in build.get("phases", [])
        for context in phase.get("contexts", [])
        if context.get("message")
    ]
    log = build.get("logs", {}).get("deepLink", "the project's log")
    why = f" ({'; '.join(reasons)[:500]})" if reasons else ""
    return (
        f"The build of the serving image {build['id']} is {build['buildStatus']}{why}: see {log}."
    )
