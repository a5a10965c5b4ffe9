"""Check the members of a function's configuration that Lambda refuses, and those not emulated."""

import json
from collections.abc import Mapping
from typing import Any

from kennel.cloud.awslambda.code_package import invalid
from kennel.cloud.runtime.errors import ServiceError, not_implemented

_MOST_LAYERS = 5
_LONGEST_NAME = 64
_ENVIRONMENT_BYTES = 4096
#: Limits that botocore's model, which is of every kind of function, has higher;
#: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
_LIMITS = {"Timeout": 900, "MemorySize": 10240}
#: What changes how a function runs, and is not emulated.
_NOT_EMULATED = (
    *("ImageUri", "ImageConfig", "FileSystemConfigs", "CodeSigningConfigArn", "TenancyConfig"),
    *("CapacityProviderConfig", "DurableConfig", "RuntimeConfig", "AcceleratorConfig"),
    *("Publish", "PublishTo"),
)
#: Variables that Lambda sets itself; the role's access key is among them.
_RESERVED = {
    *("AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"),
    *("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_RUNTIME_API"),
    *("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_VERSION", "AWS_EXECUTION_ENV"),
    *("AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME", "LAMBDA_TASK_ROOT", "_HANDLER"),
    *("LAMBDA_RUNTIME_DIR", "AWS_LAMBDA_INITIALIZATION_TYPE", "_X_AMZN_TRACE_ID"),
}


def check(members: Mapping[str, Any]) -> None:
    """Check members of CreateFunction, UpdateFunctionConfiguration or UpdateFunctionCode.

    Raises
    ------
    ServiceError
        In Lambda's words, or NotImplementedOffline with the member's name.
    """
    check_emulated(members)
    for member, most in _LIMITS.items():
        if (value := members.get(member, 0)) > most:
            where = member[:1].lower() + member[1:]
            raise ServiceError(
                "ValidationException",
                f"1 validation error detected: Value '{value}' at '{where}' failed to satisfy "
                f"constraint: Member must have value less than or equal to {most}",
            )
    if len(members.get("Layers", [])) > _MOST_LAYERS:
        raise invalid(f"Cannot reference more than {_MOST_LAYERS} layers.")
    _check_variables(members.get("Environment", {}).get("Variables", {}))


def check_name(name: str) -> None:
    """Raise ServiceError for a function's name that is too long: the model's limit is an ARN's."""
    if len(name) > _LONGEST_NAME:
        raise ServiceError(
            "ValidationException",
            f"1 validation error detected: Value '{name}' at 'functionName' failed to satisfy "
            f"constraint: Member must have length less than or equal to {_LONGEST_NAME}",
        )


def check_emulated(members: Mapping[str, Any]) -> None:
    """Raise NotImplementedOffline for a member that changes how a function runs, with its name."""
    for member in _NOT_EMULATED:
        if members.get(member):
            raise not_implemented(f"the offline cloud does not emulate a function's {member}")
    if members.get("PackageType", "Zip") != "Zip":
        raise not_implemented(
            f"PackageType {members['PackageType']}: functions run offline from a Zip, no container"
        )
    runtime = members.get("Runtime", "python3.")
    if not runtime.startswith("python3."):
        raise not_implemented(f"runtime {runtime}: only python3.x runs offline")


def _check_variables(variables: Mapping[str, str]) -> None:
    refused = "Lambda was unable to configure your environment variables because the environment "
    if reserved := sorted(_RESERVED & set(variables)):
        raise invalid(
            f"{refused}variables you have provided contains reserved keys that are currently not "
            f"supported for modification. Reserved keys used in this request: {', '.join(reserved)}"
        )
    measured = json.dumps(variables, separators=(",", ":"), ensure_ascii=False)
    if len(measured.encode()) > _ENVIRONMENT_BYTES:
        raise invalid(
            f"{refused}variables you have provided exceeded the 4KB limit. String measured: "
            f"{measured}"
        )
