"""One build as BatchGetBuilds describes it.

https://docs.aws.amazon.com/codebuild/latest/userguide/view-build-details.html#view-build-details-phases
"""

import asyncio
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kennel.cloud.cloudformation.names import ACCOUNT, REGION
from kennel.cloud.cloudformation.template import Resource

Json = dict[str, Any]


@dataclass
class Build:
    """One build.

    Attributes
    ----------
    description
        What BatchGetBuilds answers.
    token
        The idempotency token of StartBuild; empty for none.
    output
        Lines of the build's log.
    """

    description: Json
    token: str = ""
    task: "asyncio.Task[None] | None" = None
    output: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, project: Resource, request: Json, number: int) -> "Build":
        """Return a build that has just been submitted by StartBuild's `request`."""
        build_id = f"{project.name}:{uuid.uuid4()}"
        properties = project.properties
        environment = properties["Environment"]
        variables = {
            each["Name"]: str(each["Value"]) for each in environment.get("EnvironmentVariables", [])
        } | {
            each["name"]: each["value"] for each in request.get("environmentVariablesOverride", [])
        }
        group = properties.get("LogsConfig", {}).get("CloudWatchLogs", {}).get("GroupName")
        stream = build_id.rpartition(":")[2]
        description = {
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
                "type": environment["Type"],
                "image": environment.get("Image", ""),
                "computeType": environment["ComputeType"],
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
        return cls(description, request.get("idempotencyToken", ""))

    @property
    def id(self) -> str:
        """The build ID, PROJECT:UUID."""
        return str(self.description["id"])

    @property
    def variables(self) -> Mapping[str, str]:
        """The environment variables of the project, overridden by those of the call."""
        listed = self.description["environment"]["environmentVariables"]
        return {each["name"]: each["value"] for each in listed}

    def enter(self, phase: str) -> None:
        """Begin a phase; the one before has succeeded unless `leave` ended it."""
        self.leave("SUCCEEDED")
        self.description["currentPhase"] = phase
        self.description["phases"].append({"phaseType": phase, "startTime": time.time()})

    def leave(self, status: str, message: str = "") -> None:
        """End the current phase, if one has begun and not ended."""
        phase: Json = self.description["phases"][-1] if self.description["phases"] else {}
        if not phase or "phaseStatus" in phase:
            return
        ended = time.time()
        phase |= {
            "phaseStatus": status,
            "endTime": ended,
            "durationInSeconds": int(ended - phase["startTime"]),
        }
        if message:
            phase["contexts"] = [{"statusCode": "COMMAND_EXECUTION_ERROR", "message": message}]

    def end(self, status: str) -> None:
        """End the build."""
        self.enter("COMPLETED")
        self.description |= {"buildStatus": status, "buildComplete": True, "endTime": time.time()}
