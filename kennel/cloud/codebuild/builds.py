"""CodeBuild, imitated: the project's own buildspec is run here, with `aws` and `docker` imitated.

The commands are those of the template, in bash, phase by phase, with the project's variables and
its role. No container is made: build_tools.py checks what would go into the image, runs the build
context's tests, and records a digest in ECR. An endpoint whose image was built so runs the files
of that image.
https://docs.aws.amazon.com/codebuild/latest/userguide/view-build-details.html#view-build-details-phases
"""

import asyncio
import json
import os
import shlex
import sys
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from kennel.cloud.cloudformation.names import ACCOUNT, REGION
from kennel.cloud.cloudformation.template import Resource, Stack
from kennel.cloud.codebuild.build_tools import folder_of
from kennel.cloud.runtime.errors import ServiceError, error_response, not_implemented
from kennel.cloud.runtime.processes import Child
from kennel.paths import PYTHON, ROOT

_PHASES = ("install", "pre_build", "build", "post_build")
#: What is answered here; projects themselves are moto's.
OPERATIONS = {
    *("StartBuild", "BatchGetBuilds", "StopBuild", "ListBuilds", "ListBuildsForProject"),
}
_JSON_TYPE = "application/x-amz-json-1.1"
_SHIM = '#!/bin/sh\nexec {python} -m kennel.cloud.codebuild.build_tools {name} "$@"\n'

Json = dict[str, Any]


@dataclass
class Build:
    """One build, as BatchGetBuilds tells of it."""

    told: Json
    task: "asyncio.Task[None] | None" = None
    token: str = ""
    output: list[str] = field(default_factory=list)

    def enter(self, phase: str) -> None:
        """Begin a phase; the one before has succeeded, unless it was said to have failed."""
        self.leave("SUCCEEDED")
        self.told["currentPhase"] = phase
        self.told["phases"].append({"phaseType": phase, "startTime": time.time()})

    def leave(self, status: str, message: str = "") -> None:
        """End the current phase."""
        last: Json = self.told["phases"][-1] if self.told["phases"] else {"phaseStatus": ""}
        if "phaseStatus" in last:
            return
        ended = time.time()
        last |= {
            "phaseStatus": status,
            "endTime": ended,
            "durationInSeconds": int(ended - last["startTime"]),
        }
        if message:
            last["contexts"] = [{"statusCode": "COMMAND_EXECUTION_ERROR", "message": message}]

    def end(self, status: str) -> None:
        """End the build."""
        self.enter("COMPLETED")
        self.told |= {"buildStatus": status, "buildComplete": True, "endTime": time.time()}


class ImageBuilds:
    """Answers StartBuild, BatchGetBuilds, StopBuild, ListBuilds and ListBuildsForProject.

    Parameters
    ----------
    url
        The gateway's address, which builds call.
    folder
        Where images are kept: a folder each.
    logs
        A client of CloudWatch Logs, for projects that name a group.
    """

    def __init__(self, stack: Stack, url: str, folder: Path, logs: Any) -> None:
        self._projects = {each.name: each for each in stack.of_type("AWS::CodeBuild::Project")}
        self._roles = {each.arn: each.logical_id for each in stack.of_type("AWS::IAM::Role")}
        self._url = url
        self._folder = folder
        self._logs = logs
        self._builds: dict[str, Build] = {}

    async def answer(self, request: Request) -> Response:
        """Answer a signed call that the caller may make."""
        operation = request.headers.get("x-amz-target", "").rpartition(".")[2]
        given: Json = json.loads(await request.body() or b"{}")
        try:
            match operation:
                case "StartBuild":
                    said: Json = {"build": self._start(given).told}
                case "BatchGetBuilds":
                    found = [self._builds.get(_id_of(each)) for each in given["ids"]]
                    ids = zip(given["ids"], found, strict=True)
                    said = {
                        "builds": [each.told for each in found if each],
                        "buildsNotFound": [name for name, each in ids if each is None],
                    }
                case "StopBuild":
                    said = {"build": (await self._stop(given["id"])).told}
                case "ListBuilds" | "ListBuildsForProject":
                    said = {"ids": self._listed(given)}
                case _:
                    message = f"the offline cloud does not emulate codebuild:{operation}"
                    return error_response("codebuild", not_implemented(message))
        except KeyError as error:
            message = f"Project or build cannot be found: {error.args[0]}"
            return error_response("codebuild", ServiceError("ResourceNotFoundException", message))
        return JSONResponse(said, media_type=_JSON_TYPE)

    async def command(self, image: str) -> list[str | Path] | None:
        """Return what runs an image that was built here; None for any other."""
        content = self._folder / folder_of(image) / "content"
        server = content / "server.py"
        return [PYTHON, server, "serve"] if server.is_file() else None

    async def stop(self) -> None:
        """End every build."""
        tasks = [each.task for each in self._builds.values() if each.task]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _listed(self, given: Json) -> list[str]:
        if (name := given.get("projectName")) is not None and name not in self._projects:
            raise KeyError(name)
        ids = [
            each.told["id"]
            for each in self._builds.values()
            if name in {None, each.told["projectName"]}
        ]
        return ids if given.get("sortOrder") == "ASCENDING" else ids[::-1]

    def _start(self, given: Json) -> Build:
        project = self._projects[given["projectName"]]
        token = given.get("idempotencyToken", "")
        for each in self._builds.values():
            if token and each.token == token:
                return each
        build = Build(_told(project, given, len(self._builds) + 1), token=token)
        self._builds[build.told["id"]] = build
        build.task = asyncio.ensure_future(self._run(build, project, given))
        return build

    async def _stop(self, build_id: str) -> Build:
        build = self._builds[_id_of(build_id)]
        if build.task and not build.task.done():
            build.task.cancel()
            await asyncio.gather(build.task, return_exceptions=True)
        return build

    async def _run(self, build: Build, project: Resource, given: Json) -> None:
        place = self._folder / "builds" / build.told["id"].replace(":", "-")
        child: Child | None = None
        try:
            for phase in ("SUBMITTED", "QUEUED", "PROVISIONING", "DOWNLOAD_SOURCE"):
                build.enter(phase)
            source = project.properties["Source"]
            spec = yaml.safe_load(given.get("buildspecOverride") or source["BuildSpec"])
            env = self._environment(build, project, place)
            going = True
            for phase in _PHASES:
                commands = (spec["phases"].get(phase) or {}).get("commands", [])
                # A failed build phase is followed by post_build; a failed earlier one is not.
                if not commands or (not going and phase != "post_build"):
                    continue
                build.enter(phase.upper())
                env["CODEBUILD_BUILD_SUCCEEDING"] = "1" if going else "0"
                log = place / f"{phase}.log"
                script = place / f"{phase}.sh"
                script.write_text(_script(commands))
                child = await Child.start(["bash", script], env, log, place / "src")
                status = await child.wait()
                lines = log.read_text(errors="replace").splitlines()
                build.output += lines
                if status:
                    at = int((place / "at").read_text())
                    build.leave(
                        "FAILED",
                        f"Error while executing command: {commands[at]}. Reason: exit status "
                        f"{status}: {lines[-1] if lines else ''}",
                    )
                    going = False
                    if phase in {"install", "pre_build"}:
                        break
            build.enter("FINALIZING")
            build.end("SUCCEEDED" if going else "FAILED")
        except asyncio.CancelledError:
            if child:
                await child.stop(seconds=1.0)
            build.leave("STOPPED")
            build.end("STOPPED")
            raise
        except (KeyError, TypeError, yaml.YAMLError) as error:
            build.leave("FAILED", f"YAML_FILE_ERROR Message: {error!r}")
            build.end("FAILED")
        finally:
            await asyncio.to_thread(self._write_log, build)

    def _environment(self, build: Build, project: Resource, place: Path) -> dict[str, str]:
        """Make the build's folders and tools; return its environment."""
        tools = place / "tools"
        tools.mkdir(parents=True)
        (place / "src").mkdir()
        for name in ("aws", "docker"):
            shim = tools / name
            shim.write_text(_SHIM.format(python=shlex.quote(sys.executable), name=name))
            shim.chmod(0o755)
        variables = build.told["environment"]["environmentVariables"]
        return {
            "PATH": f"{tools}:{os.defpath}:/usr/local/bin",
            "HOME": str(place),
            "PYTHONPATH": str(ROOT),
            "LANG": "C.UTF-8",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "KENNEL_URL": self._url,
            "KENNEL_ROLE": self._roles[project.properties["ServiceRole"]],
            "KENNEL_IMAGES": str(self._folder),
            "KENNEL_AT": str(place / "at"),
            "CODEBUILD_BUILD_ID": build.told["id"],
            "CODEBUILD_BUILD_ARN": build.told["arn"],
            "CODEBUILD_SRC_DIR": str(place / "src"),
            **{each["name"]: each["value"] for each in variables},
        }

    def _write_log(self, build: Build) -> None:
        group, stream = build.told["logs"].get("groupName"), build.told["logs"]["streamName"]
        if not group or not build.output:
            return
        self._logs.create_log_stream(logGroupName=group, logStreamName=stream)
        now = int(time.time() * 1000)
        events = [{"timestamp": now, "message": line} for line in build.output]
        self._logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)


def _told(project: Resource, given: Json, number: int) -> Json:
    """Return a build as it is told of at its start."""
    build_id = f"{project.name}:{uuid.uuid4()}"
    properties = project.properties
    declared = properties["Environment"].get("EnvironmentVariables", [])
    variables = {each["Name"]: str(each["Value"]) for each in declared}
    for each in given.get("environmentVariablesOverride", []):
        variables[each["name"]] = each["value"]
    group = properties.get("LogsConfig", {}).get("CloudWatchLogs", {}).get("GroupName")
    stream = build_id.rpartition(":")[2]
    return {
        "id": build_id,
        "arn": f"arn:aws:codebuild:{REGION}:{ACCOUNT}:build/{build_id}",
        "buildNumber": number,
        "startTime": time.time(),
        "currentPhase": "SUBMITTED",
        "buildStatus": "IN_PROGRESS",
        "buildComplete": False,
        "projectName": project.name,
        "phases": [],
        "environment": {
            "type": properties["Environment"]["Type"],
            "image": "kennel imitates this build: no container is made",
            "computeType": properties["Environment"]["ComputeType"],
            "environmentVariables": [
                {"name": name, "value": value, "type": "PLAINTEXT"}
                for name, value in variables.items()
            ],
        },
        "serviceRole": properties["ServiceRole"],
        "timeoutInMinutes": int(properties.get("TimeoutInMinutes", 60)),
        "logs": {
            **({"groupName": group} if group else {}),
            "streamName": stream,
            "deepLink": f"kennel://logs/{group}/{stream}",
        },
        "initiator": "kennel",
    }


def _script(commands: list[Any]) -> str:
    """Return bash that stops at the first command that fails, and notes which one it is at."""
    lines = []
    for number, command in enumerate(commands):
        text = command if isinstance(command, str) else str(command)
        lines += [f'echo {number} > "$KENNEL_AT"', f"{text}", 'S=$?; [ "$S" = 0 ] || exit "$S"']
    return "\n".join(lines) + "\n"


def _id_of(build: str) -> str:
    """Return a build's id; an ARN has it behind its last slash."""
    return build.rpartition("/")[2]
