"""Lambda's calls about functions: create, list, describe, change and delete them."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from kennel.cloud.awslambda.checks import check, check_name
from kennel.cloud.awslambda.code_package import UNZIPPED_BYTES, invalid
from kennel.cloud.awslambda.description import ManagedFunction, arn_of
from kennel.cloud.awslambda.errors import conflict
from kennel.cloud.awslambda.layers import Layers
from kennel.cloud.awslambda.packages import Packages
from kennel.cloud.awslambda.registry import FunctionRegistry
from kennel.cloud.runtime.pages import numbered_page

Json = dict[str, Any]
_PAGE = 50  # functions, at most and where the call says nothing
_ACCOUNT_CONCURRENCY = 1000
_ZIPPED_BYTES, _STORED_BYTES = 52_428_800, 80_530_636_800
_NOT_STORED = ("Code", "Publish", "RevisionId")


class FunctionCalls:
    """Answers calls about functions.

    Parameters
    ----------
    forget
        Removes what else a deleted function had, by its name.
    """

    def __init__(
        self,
        registry: FunctionRegistry,
        packages: Packages,
        layers: Layers,
        forget: Callable[[str], None],
    ) -> None:
        self._registry = registry
        self._packages = packages
        self._layers = layers
        self._forget = forget
        self.calls: Mapping[str, Callable[[Json], Awaitable[Json]]] = {
            "CreateFunction": self._create,
            "DeleteFunction": self._delete,
            "ListFunctions": self._list,
            "ListVersionsByFunction": self._list_versions,
            "GetFunction": self._get,
            "GetFunctionConfiguration": self._get_configuration,
            "GetFunctionConcurrency": self._get_concurrency,
            "PutFunctionConcurrency": self._put_concurrency,
            "DeleteFunctionConcurrency": self._delete_concurrency,
            "UpdateFunctionCode": self._update_code,
            "UpdateFunctionConfiguration": self._update_configuration,
            "GetAccountSettings": self._get_account_settings,
            "TagResource": self._tag,
            "UntagResource": self._untag,
            "ListTags": self._list_tags,
        }

    async def _create(self, parameters: Json) -> Json:
        name = parameters["FunctionName"].rpartition(":function:")[2].partition(":")[0]
        code = parameters["Code"]
        check_name(name)
        check({**parameters, **code})
        if not (parameters.get("Runtime") and parameters.get("Handler")):
            raise invalid(
                "Runtime and Handler are mandatory parameters for functions created with "
                "deployment packages."
            )
        if self._registry.has(name):
            raise conflict(f"Function already exist: {name}")
        self._layers.check(parameters.get("Layers", []), before=[])
        configuration = {key: value for key, value in parameters.items() if key not in _NOT_STORED}
        package = await self._packages.take(code, name)
        function = ManagedFunction({**configuration, "FunctionName": name}, package)
        return await self._registry.put(function, assume_role=True)

    async def _delete(self, parameters: Json) -> Json:
        name = self._registry.named(parameters).name
        await self._registry.remove(name)
        self._forget(name)
        return {"StatusCode": 204}

    async def _list(self, parameters: Json) -> Json:
        names, following = numbered_page(
            self._registry.names(),
            parameters.get("Marker"),
            min(_PAGE, int(parameters.get("MaxItems") or _PAGE)),
            lambda text: invalid(f"Invalid marker: {text}"),
        )
        described = [self._described({"FunctionName": name}) for name in names]
        return {"Functions": described} | ({"NextMarker": following} if following else {})

    async def _list_versions(self, parameters: Json) -> Json:
        described = self._described(parameters)
        return {"Versions": [{**described, "FunctionArn": f"{described['FunctionArn']}:$LATEST"}]}

    async def _get(self, parameters: Json) -> Json:
        function = self._registry.named(parameters)
        concurrency = await self._get_concurrency(parameters)
        return {
            "Configuration": self._registry.described(function),
            "Code": {"RepositoryType": "S3", "Location": function.code.folder.as_uri()},
            "Tags": function.configuration.get("Tags", {}),
            **({"Concurrency": concurrency} if concurrency else {}),
        }

    async def _get_configuration(self, parameters: Json) -> Json:
        return self._described(parameters)

    async def _get_concurrency(self, parameters: Json) -> Json:
        reserved = self._registry.named(parameters).configuration.get(
            "ReservedConcurrentExecutions"
        )
        return {} if reserved is None else {"ReservedConcurrentExecutions": reserved}

    async def _put_concurrency(self, parameters: Json) -> Json:
        reserved = {
            "ReservedConcurrentExecutions": parameters["ReservedConcurrentExecutions"],
        }
        await self._registry.put(self._registry.named(parameters).changed(reserved))
        return reserved

    async def _delete_concurrency(self, parameters: Json) -> Json:
        function = self._registry.named(parameters)
        await self._registry.put(function.changed({"ReservedConcurrentExecutions": None}))
        return {}

    async def _update_code(self, parameters: Json) -> Json:
        before = self._registry.checked(parameters)
        check(parameters)
        package = await self._packages.take(parameters, before.name)
        architectures = {key: value for key, value in parameters.items() if key == "Architectures"}
        changed = before.changed(architectures, package)
        if parameters.get("DryRun"):
            return self._registry.described(changed)
        return await self._registry.put(changed)

    async def _update_configuration(self, parameters: Json) -> Json:
        before = self._registry.checked(parameters)
        check(parameters)
        layers = before.configuration.get("Layers", [])
        self._layers.check(parameters.get("Layers", []), before=layers)
        changes = {
            key: value
            for key, value in parameters.items()
            if key not in {"FunctionName", *_NOT_STORED}
        }
        if "LoggingConfig" in changes:
            logging = before.configuration.get("LoggingConfig", {})
            changes["LoggingConfig"] = {**logging, **changes["LoggingConfig"]}
        return await self._registry.put(before.changed(changes), assume_role="Role" in changes)

    async def _get_account_settings(self, parameters: Json) -> Json:
        functions = [self._registry.named({"FunctionName": n}) for n in self._registry.names()]
        reserved = sum(
            each.configuration.get("ReservedConcurrentExecutions", 0) for each in functions
        )
        return {
            "AccountLimit": {
                "TotalCodeSize": _STORED_BYTES,
                "CodeSizeUnzipped": UNZIPPED_BYTES,
                "CodeSizeZipped": _ZIPPED_BYTES,
                "ConcurrentExecutions": _ACCOUNT_CONCURRENCY,
                "UnreservedConcurrentExecutions": _ACCOUNT_CONCURRENCY - reserved,
            },
            "AccountUsage": {
                "TotalCodeSize": sum(each.code.size for each in functions),
                "FunctionCount": len(functions),
            },
        }

    async def _tag(self, parameters: Json) -> Json:
        await self._change_tags(parameters, lambda tags: tags | parameters["Tags"])
        return {}

    async def _untag(self, parameters: Json) -> Json:
        removed = set(parameters["TagKeys"])
        await self._change_tags(
            parameters, lambda tags: {key: tags[key] for key in tags if key not in removed}
        )
        return {}

    async def _list_tags(self, parameters: Json) -> Json:
        return {"Tags": self._tagged(parameters).configuration.get("Tags", {})}

    async def _change_tags(
        self, parameters: Json, change: Callable[[dict[str, str]], dict[str, str]]
    ) -> None:
        function = self._tagged(parameters)
        tags = change(function.configuration.get("Tags", {}))
        await self._registry.put(function.changed({"Tags": tags}))

    def _tagged(self, parameters: Json) -> ManagedFunction:
        arn = parameters["Resource"]
        function = self._registry.named({"FunctionName": arn})
        if arn != arn_of(function.name):
            raise invalid(f"{arn} is no ARN of a function: only functions have tags offline")
        return function

    def _described(self, parameters: Json) -> Json:
        return self._registry.described(self._registry.named(parameters))
