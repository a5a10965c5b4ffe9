"""The imitated build: the buildspec runs, the context is checked, a digest lands in ECR."""

import asyncio
import io
import json
import re
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from starlette.requests import Request

from kennel.cloud.cloudformation.stack import client
from kennel.cloud.cloudformation.template import Resource, Stack, load
from kennel.cloud.codebuild.builds import ImageBuilds
from kennel.paths import MODEL, TEMPLATE

REGISTRY = "123456789012.dkr.ecr.us-east-1.amazonaws.com"
DOCKERFILE = "ARG BASE=python\nFROM ${BASE} AS one\nFROM ${BASE}\nCOPY --from=one /x /y\n"


def template_buildspec() -> str:
    """The buildspec of the project's own template."""
    project = load(TEMPLATE, {}, "kennel").of_type("AWS::CodeBuild::Project")[0]
    return str(project.properties["Source"]["BuildSpec"])


def archive(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


GOOD = {
    "Dockerfile": (DOCKERFILE + "COPY server.py \\\n  more.py ./\n").encode(),
    "server.py": b"print(1)\n",
    "more.py": b"x = 2\n",
}


@pytest.fixture(scope="module")
def place(moto: str) -> Iterator[str]:
    """A bucket and a repository in moto."""
    client("s3", moto).create_bucket(Bucket="builds")
    client("ecr", moto).create_repository(repositoryName="built/serving")
    client("logs", moto).create_log_group(logGroupName="builds")
    yield moto


def service(url: str, folder: Path, buildspec: str | None = None) -> ImageBuilds:
    role = Resource("BuildRole", "AWS::IAM::Role", "build", "arn:role", {})
    properties = {
        "ServiceRole": "arn:role",
        "Environment": {
            "Type": "LINUX_CONTAINER",
            "ComputeType": "BUILD_GENERAL1_SMALL",
            "EnvironmentVariables": [
                {"Name": "REPOSITORY_URI", "Value": f"{REGISTRY}/built/serving"},
                {"Name": "BASE", "Value": "python"},
            ],
        },
        "LogsConfig": {"CloudWatchLogs": {"GroupName": "builds"}},
        "Source": {"Type": "NO_SOURCE", "BuildSpec": buildspec or template_buildspec()},
    }
    project = Resource("Build", "AWS::CodeBuild::Project", "tried-build", "arn:p", properties)
    stack = Stack("tried", {"BuildRole": role, "Build": project}, {})
    return ImageBuilds(stack, url, folder, client("logs", url))


async def ask(builds: ImageBuilds, operation: str, **given: Any) -> Any:
    async def receive() -> Any:
        return {"type": "http.request", "body": json.dumps(given).encode(), "more_body": False}

    headers = [(b"x-amz-target", f"CodeBuild_20161006.{operation}".encode())]
    answer = await builds.answer(Request({"type": "http", "headers": headers}, receive))
    return json.loads(bytes(answer.body))


def build(
    url: str, folder: Path, files: dict[str, bytes] | None, tag: str, buildspec: str | None = None
) -> tuple[dict[str, Any], ImageBuilds]:
    """Run one build to its end."""
    if files is not None:
        client("s3", url).put_object(Bucket="builds", Key=f"{tag}.tar.gz", Body=archive(files))
    variables = [
        {"name": "IMAGE_TAG", "value": tag},
        {"name": "SOURCE_URI", "value": f"s3://builds/{tag}.tar.gz"},
    ]

    async def whole() -> tuple[dict[str, Any], ImageBuilds]:
        builds = service(url, folder, buildspec)
        started = await ask(
            builds,
            "StartBuild",
            projectName="tried-build",
            environmentVariablesOverride=variables,
            idempotencyToken=tag,
        )
        again = await ask(builds, "StartBuild", projectName="tried-build", idempotencyToken=tag)
        assert again["build"]["id"] == started["build"]["id"]
        async with asyncio.timeout(120):
            while True:
                found = await ask(builds, "BatchGetBuilds", ids=[started["build"]["id"]])
                if found["builds"][0]["buildComplete"]:
                    break
                await asyncio.sleep(0.05)
        listed = await ask(builds, "ListBuildsForProject", projectName="tried-build")
        assert listed["ids"] == [started["build"]["id"]]
        await builds.stop()
        return found["builds"][0], builds

    return asyncio.run(whole())


def failure(told: dict[str, Any]) -> str:
    (failed,) = [each for each in told["phases"] if each.get("phaseStatus") == "FAILED"] or [{}]
    (context,) = failed["contexts"]
    return f"{failed['phaseType']}: {context['message']}"


def test_the_templates_own_buildspec_builds_the_model_folder(place: str, tmp_path: Path) -> None:
    text = (MODEL / "Dockerfile").read_text()
    names = re.search(r"^COPY (?!--from)((?:\S+\.py )+)\./$", text, re.MULTILINE)
    assert names is not None
    wanted = {"Dockerfile", "requirements-serving.txt", *names[1].split()}
    files = {name: (MODEL / name).read_bytes() for name in wanted}
    told, builds = build(place, tmp_path, files, "model")
    assert told["buildStatus"] == "SUCCEEDED", told["phases"]
    passed = [each["phaseType"] for each in told["phases"]]
    assert passed[:4] == ["SUBMITTED", "QUEUED", "PROVISIONING", "DOWNLOAD_SOURCE"]
    assert passed[4:7] == ["PRE_BUILD", "BUILD", "POST_BUILD"]
    image = client("ecr", place).describe_images(
        repositoryName="built/serving", imageIds=[{"imageTag": "model"}]
    )["imageDetails"][0]
    assert image["imageDigest"].startswith("sha256:")
    command = asyncio.run(builds.command(f"{REGISTRY}/built/serving:model"))
    assert command is not None
    assert Path(command[1]).read_bytes() == files["server.py"]
    assert asyncio.run(builds.command(f"{REGISTRY}/built/serving:other")) is None
    lines = client("logs", place).get_log_events(
        logGroupName="builds", logStreamName=told["logs"]["streamName"]
    )["events"]
    assert any("Login Succeeded" in each["message"] for each in lines)


def test_the_same_content_has_the_same_digest(place: str, tmp_path: Path) -> None:
    for tag in ("same-1", "same-2"):
        assert build(place, tmp_path / tag, GOOD, tag)[0]["buildStatus"] == "SUCCEEDED"
    images = client("ecr", place).describe_images(
        repositoryName="built/serving", imageIds=[{"imageTag": "same-1"}, {"imageTag": "same-2"}]
    )["imageDetails"]
    assert len({each["imageDigest"] for each in images}) == 1


@pytest.mark.parametrize(
    ("files", "phase", "words"),
    [
        (None, "PRE_BUILD", "NoSuchKey"),
        ({"server.py": b""}, "BUILD", "failed to read dockerfile"),
        ({**GOOD, "Dockerfile": b"COPY server.py ./"}, "BUILD", "no FROM"),
        ({key: GOOD[key] for key in ("Dockerfile", "server.py")}, "BUILD", '"/more.py": not found'),
        ({**GOOD, "more.py": b"x = ("}, "BUILD", "was never closed"),
        ({**GOOD, "tests/test_it.py": b"def test_it(): assert False"}, "BUILD", "own tests failed"),
    ],
)
def test_a_broken_context_fails_in_its_phase(
    place: str, tmp_path: Path, files: dict[str, bytes] | None, phase: str, words: str
) -> None:
    told, _ = build(place, tmp_path, files, f"broken-{abs(hash(words))}")
    assert told["buildStatus"] == "FAILED"
    first = next(each for each in told["phases"] if each.get("phaseStatus") == "FAILED")
    message = first["contexts"][0]["message"]
    assert first["phaseType"] == phase
    assert message.startswith("Error while executing command: ")
    assert words in message
    ran = {each["phaseType"] for each in told["phases"]}
    assert ("POST_BUILD" in ran) == (phase == "BUILD")


PREPARED = ["printf 'FROM x' > Dockerfile", "docker build --tag r/n:1 ."]


@pytest.mark.parametrize(
    ("commands", "words"),
    [
        (["docker push 1.dkr.ecr/x:1"], "does not exist locally"),
        (["docker run x"], "the imitated build knows"),
        ([*PREPARED, "docker push r/n:1"], "no basic auth"),
        (["exit 7"], "exit status 7"),
    ],
)
def test_a_command_that_fails_is_named(
    place: str, tmp_path: Path, commands: list[str], words: str
) -> None:
    spec = yaml.safe_dump({"version": 0.2, "phases": {"build": {"commands": commands}}})
    told, _ = build(place, tmp_path, None, "commands", spec)
    assert words in failure(told)
    assert commands[-1] in failure(told)


def test_a_build_is_stopped(place: str, tmp_path: Path) -> None:
    spec = yaml.safe_dump({"version": 0.2, "phases": {"build": {"commands": ["sleep 600"]}}})

    async def whole() -> dict[str, Any]:
        builds = service(place, tmp_path, spec)
        started = (await ask(builds, "StartBuild", projectName="tried-build"))["build"]
        await asyncio.sleep(0.2)
        stopped: dict[str, Any] = (await ask(builds, "StopBuild", id=started["id"]))["build"]
        return stopped

    told = asyncio.run(whole())
    assert (told["buildStatus"], told["buildComplete"]) == ("STOPPED", True)


def test_what_is_not_there_is_said(place: str, tmp_path: Path) -> None:
    async def whole() -> None:
        builds = service(place, tmp_path)
        missing = await ask(builds, "StartBuild", projectName="other")
        assert missing["__type"] == "ResourceNotFoundException"
        found = await ask(builds, "BatchGetBuilds", ids=["tried-build:none"])
        assert found == {"builds": [], "buildsNotFound": ["tried-build:none"]}
        unknown = await ask(builds, "RetryBuild", id="x")
        assert unknown["__type"] == "NotImplementedOffline"

    asyncio.run(whole())
