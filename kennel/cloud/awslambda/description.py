"""A function as Lambda's management calls describe it."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from kennel.cloud.awslambda.packages import Package
from kennel.cloud.cloudformation.names import ACCOUNT, REGION

Json = dict[str, Any]
_AS_SET = ("Runtime", "Role", "Handler", "KMSKeyArn", "DeadLetterConfig")


def now() -> str:
    """Return the time as Lambda writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "+0000"


@dataclass(frozen=True)
class ManagedFunction:
    """The configuration and the code of a function, as Lambda's API has recorded them.

    Attributes
    ----------
    configuration
        In the names of CreateFunction, with Tags and ReservedConcurrentExecutions.
    """

    configuration: Json
    code: Package
    modified: str = field(default_factory=now)
    revision: str = field(default_factory=lambda: str(uuid.uuid4()))

    @property
    def name(self) -> str:
        """The function's name."""
        return str(self.configuration["FunctionName"])

    def changed(self, changes: Mapping[str, Any], code: Package | None = None) -> "ManagedFunction":
        """Return the function with changed configuration, at a new RevisionId; None unsets."""
        members = {**self.configuration, **changes}
        configuration = {key: value for key, value in members.items() if value is not None}
        return ManagedFunction(configuration, code or self.code)

    def stored(self) -> Json:
        """Return the function as JSON for the store, with a reference to its package."""
        return {**vars(self), "code": self.code.stored()}


def described(function: ManagedFunction, layers: list[Json]) -> Json:
    """Return a function's configuration in the shape of Lambda's answers."""
    configuration, name = function.configuration, function.name
    members = {
        "FunctionName": name,
        "FunctionArn": arn_of(name),
        **{member: configuration.get(member) for member in _AS_SET},
        "CodeSize": function.code.size,
        "Description": configuration.get("Description", ""),
        "Timeout": configuration.get("Timeout", 3),
        "MemorySize": configuration.get("MemorySize", 128),
        "LastModified": function.modified,
        "CodeSha256": function.code.sha256,
        "Version": "$LATEST",
        "VpcConfig": {"VpcId": "", **configuration["VpcConfig"]}
        if configuration.get("VpcConfig")
        else None,
        "Environment": configuration.get("Environment") or None,
        "TracingConfig": configuration.get("TracingConfig", {"Mode": "PassThrough"}),
        "RevisionId": function.revision,
        "Layers": layers or None,
        "State": "Active",
        "LastUpdateStatus": "Successful",
        "PackageType": "Zip",
        "Architectures": configuration.get("Architectures", ["x86_64"]),
        "EphemeralStorage": configuration.get("EphemeralStorage", {"Size": 512}),
        "SnapStart": {
            "ApplyOn": "None",
            **configuration.get("SnapStart", {}),
            "OptimizationStatus": "Off",
        },
        "LoggingConfig": _logging(configuration),
    }
    return {member: value for member, value in members.items() if value is not None}


def _logging(configuration: Json) -> Json:
    chosen = configuration.get("LoggingConfig", {})
    levels = {"ApplicationLogLevel": "INFO", "SystemLogLevel": "INFO"}
    return {
        "LogFormat": "Text",
        "LogGroup": f"/aws/lambda/{configuration['FunctionName']}",
        **(levels if chosen.get("LogFormat") == "JSON" else {}),
        **chosen,
    }


def arn_of(name: str) -> str:
    """Return the ARN of the function of this name."""
    return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"
