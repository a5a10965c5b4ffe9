"""Builds record their context as an image in ECR, or fail; nothing is built."""

import asyncio
import hashlib
import io
import json
import tarfile
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from starlette.requests import Request

from kennel.cloud.cloudformation.deployed import DeployedResources
from kennel.cloud.cloudformation.template import Resource, load
from kennel.cloud.codebuild.builds import ImageBuilds
from kennel.cloud.runtime.clients import client
from kennel.cloud.runtime.faults import Fault, Faults
from kennel.cloud.sagemaker.endpoints.images import LocalImages
from kennel.cloud.servicequotas.quotas import BUILDS, Quotas
from kennel.paths import TEMPLATE

REGISTRY = "123456789012.dkr.ecr.us-east-1.amazonaws.com"
REPOSITORY = "built/serving"
PROJECT = "tried-build"


def template_buildspec() -> str:
    """The buildspec of the project's own template."""
    project = load(TEMPLATE, {}, "kennel").of_type("AWS::CodeBuild::Project")[0]
    return str(project.properties["Source"]["BuildSpec"])


def archive() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        content = b"FROM scratch\n"
        entry = tarfile.TarInfo("Dockerfile")
        entry.size = len(content)
        tar.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


CONTEXT = archive()


@pytest.fixture(scope="module")
def account(moto: str) -> Iterator[str]:
    """A bucket, a repository and a log group in moto."""
    client("s3", moto).create_bucket(Bucket="builds")
    client("ecr", moto).create_repository(repositoryName=REPOSITORY)
    client("logs", moto).create_log_group(logGroupName="builds")
    yield moto


def service(
    url: str, buildspec: str | None = None, *faults: Fault, quota: float = 100
) -> ImageBuilds:
    properties = {
        "ServiceRole": "arn:role",
        "Environment": {
            "Type": "LINUX_CONTAINER",
            "ComputeType": "BUILD_GENERAL1_SMALL",
            "EnvironmentVariables": [
                {"Name": "REPOSITORY_URI", "Value": f"{REGISTRY}/{REPOSITORY}"},
            ],
        },
        "LogsConfig": {"CloudWatchLogs": {"GroupName": "builds"}},
        "Source": {"Type": "NO_SOURCE", "BuildSpec": buildspec or template_buildspec()},
    }
    project = Resource("Build", "AWS::CodeBuild::Project", PROJECT, "arn:p", properties)
    deployed = DeployedResources()
    deployed.put("tried", project)
    return ImageBuilds(
        *(deployed, lambda name, role: client(name, url, role), client("logs", url)),
        Faults(faults),
        Quotas({BUILDS: quota}),
    )


async def call(builds: ImageBuilds, operation: str, **parameters: Any) -> Any:
    async def receive() -> Any:
        return {"type": "http.request", "body": json.dumps(parameters).encode(), "more_body": False}

    headers = [(b"x-amz-target", f"CodeBuild_20161006.{operation}".encode())]
    answer = await builds.answer(Request({"type": "http", "headers": headers}, receive))
    return json.loads(bytes(answer.body))


def build(builds: ImageBuilds, url: str, tag: str, body: bytes | None = CONTEXT) -> dict[str, Any]:
    """Run one build to its end."""
    if body is not None:
        client("s3", url).put_object(Bucket="builds", Key=f"{tag}.tar.gz", Body=body)
    start: dict[str, Any] = {
        "projectName": PROJECT,
        "idempotencyToken": tag,
        "environmentVariablesOverride": [
            {"name": "IMAGE_TAG", "value": tag},
            {"name": "SOURCE_URI", "value": f"s3://builds/{tag}.tar.gz"},
        ],
    }

    async def to_its_end() -> dict[str, Any]:
        build_id = (await call(builds, "StartBuild", **start))["build"]["id"]
        again = await call(builds, "StartBuild", **start)
        assert again["build"]["id"] == build_id
        async with asyncio.timeout(60):
            while True:
                described = (await call(builds, "BatchGetBuilds", ids=[build_id]))["builds"][0]
                if described["buildComplete"]:
                    break
                await asyncio.sleep(0.02)
        listed = await call(builds, "ListBuildsForProject", projectName=PROJECT)
        assert listed["ids"] == [build_id]
        await asyncio.sleep(0)
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            await task  # it writes the log
        return dict(described)

    return asyncio.run(to_its_end())


def failure(description: dict[str, Any]) -> str:
    assert description["buildStatus"] == "FAILED"
    (failed,) = [each for each in description["phases"] if each.get("phaseStatus") == "FAILED"]
    assert failed["phaseType"] == "BUILD"
    return str(failed["contexts"][0]["message"])


def log_of(url: str, description: dict[str, Any]) -> str:
    stream = description["logs"]["streamName"]
    events = client("logs", url).get_log_events(logGroupName="builds", logStreamName=stream)
    return "\n".join(each["message"] for each in events["events"])


def test_the_context_is_recorded_as_an_image_that_endpoints_run(account: str) -> None:
    description = build(service(account), account, "model")
    assert description["buildStatus"] == "SUCCEEDED", description["phases"]
    assert [each["phaseType"] for each in description["phases"]] == [
        *("SUBMITTED", "QUEUED", "PROVISIONING", "DOWNLOAD_SOURCE"),
        *("BUILD", "FINALIZING", "COMPLETED"),
    ]
    ecr = client("ecr", account)
    image = ecr.batch_get_image(repositoryName=REPOSITORY, imageIds=[{"imageTag": "model"}])
    manifest = json.loads(image["images"][0]["imageManifest"])
    assert manifest["schemaVersion"] == 2
    assert manifest["mediaType"] == "application/vnd.docker.distribution.manifest.v2+json"
    (layer,) = manifest["layers"]
    assert layer == {
        "mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip",
        "size": len(CONTEXT),
        "digest": f"sha256:{hashlib.sha256(CONTEXT).hexdigest()}",
    }
    images = LocalImages(ecr, {f"{REGISTRY}/*": ["serve"]})
    assert asyncio.run(images(f"{REGISTRY}/{REPOSITORY}:model")) == ["serve"]
    assert asyncio.run(images(f"{REGISTRY}/{REPOSITORY}:other")) is None
    assert "not built" in log_of(account, description)


def test_the_same_context_has_the_same_digest(account: str) -> None:
    for tag in ("same-1", "same-2"):
        assert build(service(account), account, tag)["buildStatus"] == "SUCCEEDED"
    images = client("ecr", account).describe_images(
        repositoryName=REPOSITORY, imageIds=[{"imageTag": "same-1"}, {"imageTag": "same-2"}]
    )["imageDetails"]
    assert len({each["imageDigest"] for each in images}) == 1


def test_a_context_that_is_absent_or_no_archive_fails(account: str) -> None:
    assert "NoSuchKey" in failure(build(service(account), account, "absent", None))
    finished = build(service(account), account, "text", b"no archive")
    assert "is not a .tar.gz" in failure(finished)
    assert "is not a .tar.gz" in log_of(account, finished)


@pytest.mark.parametrize(
    "commands", [["docker push x/y:1"], ["aws s3 cp s3://a/b.tar.gz ."], ["make"]]
)
def test_a_buildspec_without_context_or_image_fails_and_says_why(
    account: str, commands: list[str]
) -> None:
    spec = yaml.safe_dump({"version": 0.2, "phases": {"build": {"commands": commands}}})
    words = failure(build(service(account, spec), account, "spec", None))
    assert "expected the commands `aws s3 cp" in words
    assert commands[0] in words


def test_a_fault_fails_the_build_with_its_reason(account: str) -> None:
    fault = Fault("StartBuild", "fail", "the base image is gone", name=PROJECT)
    description = build(service(account, None, fault), account, "fault")
    assert failure(description) == "the base image is gone"


def test_a_fault_throttles_the_call_once(account: str) -> None:
    async def started() -> tuple[Any, Any]:
        builds = service(
            account, None, Fault("StartBuild", "throttle"), Fault("StartBuild", "hang")
        )
        first = await call(builds, "StartBuild", projectName=PROJECT)
        second = await call(builds, "StartBuild", projectName=PROJECT)
        await builds.stop()
        return first, second

    first, second = asyncio.run(started())
    assert first["__type"] == "ThrottlingException"
    assert second["build"]["projectName"] == PROJECT


@pytest.mark.parametrize("quota", [0, 1])
def test_no_more_builds_run_than_the_quota_allows(account: str, quota: int) -> None:
    async def started() -> list[Any]:
        hanging = Fault("StartBuild", "hang", times=2)
        builds = service(account, None, hanging, quota=quota)
        answers = [await call(builds, "StartBuild", projectName=PROJECT) for _ in range(2)]
        await builds.stop()
        return answers

    answers = asyncio.run(started())
    assert [each["build"]["projectName"] for each in answers[:quota]] == [PROJECT] * quota
    for refused in answers[quota:]:
        assert refused["__type"] == "AccountLimitExceededException"
        assert (
            refused["message"] == f"Cannot have more than {quota} builds in queue for the account"
        )


def test_a_build_that_hangs_is_stopped(account: str) -> None:
    async def stopped() -> dict[str, Any]:
        builds = service(account, None, Fault("StartBuild", "hang"))
        started = (await call(builds, "StartBuild", projectName=PROJECT))["build"]
        await asyncio.sleep(0)
        running = await call(builds, "BatchGetBuilds", ids=[started["id"]])
        assert running["builds"][0]["currentPhase"] == "BUILD"
        return dict((await call(builds, "StopBuild", id=started["id"]))["build"])

    description = asyncio.run(stopped())
    assert (description["buildStatus"], description["buildComplete"]) == ("STOPPED", True)


def test_what_does_not_exist_is_refused_by_name(account: str) -> None:
    async def refused() -> None:
        builds = service(account)
        missing = await call(builds, "StartBuild", projectName="other")
        assert missing["__type"] == "ResourceNotFoundException"
        described = await call(builds, "BatchGetBuilds", ids=["tried-build:none"])
        assert described == {"builds": [], "buildsNotFound": ["tried-build:none"]}
        unknown = await call(builds, "RetryBuild", id="x")
        assert unknown["__type"] == "NotImplementedOffline"

    asyncio.run(refused())
