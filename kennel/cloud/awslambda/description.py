"""A function as Lambda's management calls describe it."""

import base64
import functools
import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kennel.cloud.cloudformation.names import ACCOUNT, REGION
from kennel.cloud.cloudformation.template import Resource

Json = dict[str, Any]


@dataclass(frozen=True)
class ManagedFunction:
    """A function as it is now.

    Attributes
    ----------
    resource
        With the properties that a call has changed.
    code
        Folder of what runs.
    sha256
        Of the package of code, in Base64.
    size
        Bytes of that package; None for a function of the template, whose folder is measured.
    """

    resource: Resource
    code: Path
    sha256: str
    size: int | None
    modified: str
    revision: str


def declared(resource: Resource, code: Path) -> ManagedFunction:
    """Return a function of the template; its build's folder is named by its content."""
    digest = hashlib.sha256("/".join(code.parts[-2:]).encode()).digest()
    sha256 = base64.b64encode(digest).decode()
    return ManagedFunction(resource, code, sha256, None, now(), str(uuid.uuid4()))


def described(function: ManagedFunction) -> Json:
    """Return a function's configuration in the shape of Lambda's answers."""
    properties = function.resource.properties
    name = function.resource.name
    size = _size(function.code) if function.size is None else function.size
    logging = {"LogFormat": "Text", "LogGroup": f"/aws/lambda/{name}"}
    members = {
        "FunctionName": name,
        "FunctionArn": arn_of(name),
        "Runtime": properties.get("Runtime"),
        "Role": properties["Role"],
        "Handler": properties["Handler"],
        "CodeSize": size,
        "Description": properties.get("Description", ""),
        "Timeout": int(properties.get("Timeout", 3)),
        "MemorySize": int(properties.get("MemorySize", 128)),
        "LastModified": function.modified,
        "CodeSha256": function.sha256,
        "Version": "$LATEST",
        "Environment": _environment(properties),
        "TracingConfig": properties.get("TracingConfig", {"Mode": "PassThrough"}),
        "RevisionId": function.revision,
        "Layers": [{"Arn": arn} for arn in properties.get("Layers", [])] or None,
        "State": "Active",
        "LastUpdateStatus": "Successful",
        "PackageType": "Zip",
        "Architectures": properties.get("Architectures", ["x86_64"]),
        "EphemeralStorage": {"Size": int(properties.get("EphemeralStorage", {}).get("Size", 512))},
        "SnapStart": {"ApplyOn": "None", "OptimizationStatus": "Off"},
        "LoggingConfig": {**logging, **properties.get("LoggingConfig", {})},
    }
    return {member: value for member, value in members.items() if value is not None}


def _environment(properties: Mapping[str, Any]) -> Json | None:
    variables = properties.get("Environment", {}).get("Variables", {})
    return {"Variables": {key: str(each) for key, each in variables.items()}} if variables else None


@functools.cache
def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def arn_of(name: str) -> str:
    """Return the ARN of the function of this name."""
    return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"


def now() -> str:
    """Return the time as Lambda writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000")
