"""Lambda's calls about functions: list and describe them, change code and configuration.

What a call changes holds from the next invocation until the cloud ends; the next start has the
template's functions again.
"""

import asyncio
import base64
import hashlib
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response

from kennel.cloud.awslambda.code_package import download, invalid, unzip
from kennel.cloud.awslambda.description import ManagedFunction, arn_of, declared, described, now
from kennel.cloud.awslambda.function_config import layer_folders, make_target, read_function
from kennel.cloud.awslambda.functions import LambdaService, NoSuchFunction
from kennel.cloud.cloudformation.template import Stack
from kennel.cloud.iam.requests import ApiCall
from kennel.cloud.runtime.answers import written
from kennel.cloud.runtime.errors import ServiceError, not_implemented
from kennel.cloud.runtime.pages import numbered_page

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

Json = dict[str, Any]
_MOST_SECONDS = 900
_PAGE = 50  # functions, at most and where the call says nothing
#: Variables that Lambda sets itself; the role's access key is among them.
_RESERVED = {
    *("AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"),
    *("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_RUNTIME_API"),
    *("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_VERSION", "AWS_EXECUTION_ENV"),
    *("AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME", "LAMBDA_TASK_ROOT", "_HANDLER"),
    *("LAMBDA_RUNTIME_DIR", "AWS_LAMBDA_INITIALIZATION_TYPE", "_X_AMZN_TRACE_ID"),
}


class FunctionManagement:
    """Answers every call of Lambda but Invoke.

    Parameters
    ----------
    built
        Folder of each function's and layer's build.
    functions
        Runs the functions; told of changes.
    role_key
        Returns the access key of a role that Lambda may assume, by its ARN; None for any other.
    s3
        A boto3 client that reads a new build.
    folder
        For unzipped builds.
    """

    def __init__(
        self,
        stack: Stack,
        built: Mapping[str, Path],
        functions: LambdaService,
        *,
        role_key: Callable[[str], str | None],
        s3: "S3Client",
        folder: Path,
    ) -> None:
        self._layers = layer_folders(stack, built)
        self._service = functions
        self._role_key = role_key
        self._s3 = s3
        self._folder = folder
        self._functions = {
            each.name: declared(each, built[make_target(each)])
            for each in stack.of_type("AWS::Lambda::Function")
        }

    async def __call__(self, request: Request, call: ApiCall) -> Response:
        """Answer a call whose parameters keep the constraints of botocore's model."""
        calls: Mapping[str, Callable[[Json], Awaitable[Json]]] = {
            "ListFunctions": self._list,
            "GetFunction": self._get,
            "GetFunctionConfiguration": self._get_configuration,
            "GetFunctionConcurrency": self._get_concurrency,
            "PutFunctionConcurrency": self._put_concurrency,
            "DeleteFunctionConcurrency": self._delete_concurrency,
            "UpdateFunctionCode": self._update_code,
            "UpdateFunctionConfiguration": self._update_configuration,
        }
        if call.operation not in calls:
            raise not_implemented(
                f"the offline cloud does not emulate lambda:{call.operation}; it answers Invoke, "
                f"{', '.join(calls)}"
            )
        if call.parameters.get("Qualifier", "$LATEST") != "$LATEST":
            raise not_implemented("the offline cloud has no versions and aliases of functions")
        result = await calls[call.operation](call.parameters)
        return written("lambda", call.operation, result)

    async def _list(self, parameters: Json) -> Json:
        names, following = numbered_page(
            list(self._functions),
            parameters.get("Marker"),
            min(_PAGE, int(parameters.get("MaxItems") or _PAGE)),
            lambda text: invalid(f"Invalid marker: {text}"),
        )
        page: Json = {"Functions": [self._described(name) for name in names]}
        return page | ({"NextMarker": following} if following else {})

    async def _get(self, parameters: Json) -> Json:
        name = self._name(parameters)
        function = self._functions[name]
        tags = function.resource.properties.get("Tags", [])
        concurrency = await self._get_concurrency(parameters)
        return {
            "Configuration": self._described(name),
            "Code": {"RepositoryType": "S3", "Location": function.code.as_uri()},
            "Tags": {each["Key"]: each["Value"] for each in tags},
            **({"Concurrency": concurrency} if concurrency else {}),
        }

    async def _get_configuration(self, parameters: Json) -> Json:
        return self._described(self._name(parameters))

    async def _get_concurrency(self, parameters: Json) -> Json:
        properties = self._functions[self._name(parameters)].resource.properties
        reserved = properties.get("ReservedConcurrentExecutions")
        return {} if reserved is None else {"ReservedConcurrentExecutions": int(reserved)}

    async def _put_concurrency(self, parameters: Json) -> Json:
        reserved = {
            "ReservedConcurrentExecutions": parameters["ReservedConcurrentExecutions"],
        }
        await self._change(self._name(parameters), reserved)
        return reserved

    async def _delete_concurrency(self, parameters: Json) -> Json:
        await self._change(self._name(parameters), {"ReservedConcurrentExecutions": None})
        return {}

    async def _update_code(self, parameters: Json) -> Json:
        name = self._checked_name(parameters)
        for member in ("ImageUri", "Publish"):
            if parameters.get(member):
                raise not_implemented(f"UpdateFunctionCode's {member} is not emulated offline")
        packed: bytes = parameters.get("ZipFile", b"")
        if "ZipFile" not in parameters:
            packed = await asyncio.to_thread(download, self._s3, parameters)
        revision = str(uuid.uuid4())
        folder = self._folder / f"{name}-{revision}"
        await asyncio.to_thread(unzip, packed, folder)
        changed = replace(
            self._functions[name],
            code=folder,
            sha256=base64.b64encode(hashlib.sha256(packed).digest()).decode(),
            size=len(packed),
        )
        if parameters.get("DryRun"):
            return described(changed)
        await self._run(changed, revision)
        return self._described(name)

    async def _update_configuration(self, parameters: Json) -> Json:
        name = self._checked_name(parameters)
        changes = {
            key: value
            for key, value in parameters.items()
            if key not in {"FunctionName", "RevisionId"}
        }
        if (seconds := changes.get("Timeout", 0)) > _MOST_SECONDS:  # botocore's model has no limit
            raise ServiceError(
                "ValidationException",
                f"1 validation error detected: Value '{seconds}' at 'timeout' failed to satisfy "
                f"constraint: Member must have value less than or equal to {_MOST_SECONDS}",
            )
        if not changes.get("Runtime", "python3.").startswith("python3."):
            raise not_implemented(f"runtime {changes['Runtime']}: only Python runs offline")
        for arn in changes.get("Layers", []):
            if arn not in self._layers:
                raise invalid(f"Layer version {arn} does not exist.")
        variables = changes.get("Environment", {}).get("Variables", {})
        if reserved := sorted(_RESERVED & set(variables)):
            raise invalid(
                "Lambda was unable to configure your environment variables because the environment "
                "variables you have provided contains reserved keys that are currently not "
                f"supported for modification. Reserved keys used in this request: "
                f"{', '.join(reserved)}"
            )
        if "LoggingConfig" in changes:
            before = self._functions[name].resource.properties.get("LoggingConfig", {})
            changes["LoggingConfig"] = {**before, **changes["LoggingConfig"]}
        await self._change(name, changes)
        return self._described(name)

    async def _change(self, name: str, changes: Json) -> None:
        function = self._functions[name]
        properties = {
            key: value
            for key, value in {**function.resource.properties, **changes}.items()
            if value is not None
        }
        await self._run(
            replace(function, resource=replace(function.resource, properties=properties))
        )

    async def _run(self, function: ManagedFunction, revision: str = "") -> None:
        """Run a changed function from its next invocation on."""
        name, role = function.resource.name, function.resource.properties["Role"]
        before = self._functions[name].resource.properties["Role"]
        key = self._service.configs[name].role if role == before else self._role_key(role)
        if key is None:
            raise invalid("The role defined for the function cannot be assumed by Lambda.")
        config = read_function(function.resource, function.code, self._layers, key)
        self._functions[name] = replace(
            function, modified=now(), revision=revision or str(uuid.uuid4())
        )
        await self._service.update(config)

    def _name(self, parameters: Json) -> str:
        try:
            return self._service.name_of(parameters["FunctionName"])
        except NoSuchFunction as error:
            message = f"Function not found: {arn_of(str(error))}"
            details = {"Type": "User"}
            raise ServiceError("ResourceNotFoundException", message, 404, details) from error

    def _checked_name(self, parameters: Json) -> str:
        """Return a function's name; raises ServiceError unless RevisionId is the current one."""
        name = self._name(parameters)
        wanted = parameters.get("RevisionId")
        if wanted and wanted != self._functions[name].revision:
            message = (
                "The Revision Id provided does not match the latest Revision Id. Call the "
                "GetFunction/GetAlias API to retrieve the latest Revision Id"
            )
            raise ServiceError("PreconditionFailedException", message, 412, {"Type": "User"})
        return name

    def _described(self, name: str) -> Json:
        return described(self._functions[name])
