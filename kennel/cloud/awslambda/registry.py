"""The functions of the account: stored as Lambda's calls made them, and run by `LambdaService`."""

from collections.abc import Callable

from kennel.cloud.awslambda.code_package import invalid
from kennel.cloud.awslambda.description import Json, ManagedFunction, arn_of, described
from kennel.cloud.awslambda.errors import not_found
from kennel.cloud.awslambda.function_config import read_function
from kennel.cloud.awslambda.functions import LambdaService, NoSuchFunction
from kennel.cloud.awslambda.layers import Layers
from kennel.cloud.awslambda.packages import Packages
from kennel.cloud.runtime.errors import ServiceError
from kennel.cloud.runtime.store import Store

_KIND = "function"
#: Returns the access key of a function's environments, from a role's ARN and the function's name;
#: None where Lambda may not assume the role.
StartSession = Callable[[str, str], str | None]


class FunctionRegistry:
    """The functions by name, as their calls have made them."""

    def __init__(
        self,
        service: LambdaService,
        store: Store,
        packages: Packages,
        layers: Layers,
        start_session: StartSession,
    ) -> None:
        self._service = service
        self._store = store
        self._packages = packages
        self._layers = layers
        self._start_session = start_session
        self._functions: dict[str, ManagedFunction] = {}
        service.assume_role = self._assume_role

    async def restore(self) -> None:
        """Run the functions that an earlier run stored, and delete code that none of them uses."""
        for each in self._store.all(_KIND):
            function = ManagedFunction(**{**each, "code": self._packages.find(each["code"])})
            # On AWS, too, a function outlives its role, and then may do nothing.
            key = self._start_session(function.configuration["Role"], function.name) or ""
            await self._run(function, key)
        used = [function.code for function in self._functions.values()]
        self._packages.remove_others([*used, *self._layers.all_packages()])

    def names(self) -> list[str]:
        """Return the names, oldest first."""
        return list(self._functions)

    def has(self, name: str) -> bool:
        """Return whether there is a function of this name."""
        return name in self._functions

    def named(self, parameters: Json) -> ManagedFunction:
        """Return the function that a call names; raises ServiceError when there is none."""
        try:
            return self._functions[self._service.name_of(parameters["FunctionName"])]
        except NoSuchFunction as error:
            raise not_found(f"Function not found: {arn_of(str(error))}") from error

    def checked(self, parameters: Json) -> ManagedFunction:
        """Return the function that a call names; ServiceError unless RevisionId is its own."""
        function = self.named(parameters)
        wanted = parameters.get("RevisionId")
        if wanted and wanted != function.revision:
            message = (
                "The Revision Id provided does not match the latest Revision Id. Call the "
                "GetFunction/GetAlias API to retrieve the latest Revision Id"
            )
            raise ServiceError("PreconditionFailedException", message, 412, {"Type": "User"})
        return function

    async def put(self, function: ManagedFunction, *, assume_role: bool = False) -> Json:
        """Add or change a function, which runs so from its next invocation on; describe it.

        Parameters
        ----------
        assume_role
            Whether to assume its role again.

        Raises
        ------
        ServiceError
            When Lambda may not assume its role; nothing has changed then.
        """
        name = function.name
        key: str | None
        if assume_role:
            key = self._start_session(function.configuration["Role"], name)
            if key is None:
                raise invalid("The role defined for the function cannot be assumed by Lambda.")
        else:
            key = self._service.configs[name].role
        self._store.put(_KIND, name, function.stored())
        await self._run(function, key)
        return self.described(function)

    async def remove(self, name: str) -> None:
        """Remove a function."""
        del self._functions[name]
        self._store.delete(_KIND, name)
        await self._service.remove(name)

    def described(self, function: ManagedFunction) -> Json:
        """Return a function's configuration in the shape of Lambda's answers."""
        arns = function.configuration.get("Layers", [])
        layers = zip(arns, self._layers.packages_of(arns), strict=False)
        return described(function, [{"Arn": arn, "CodeSize": each.size} for arn, each in layers])

    async def _assume_role(self, name: str) -> None:
        function = self._functions[name]
        if key := self._start_session(function.configuration["Role"], name):
            await self._run(function, key)

    async def _run(self, function: ManagedFunction, role_key: str) -> None:
        self._functions[function.name] = function
        layers = self._layers.packages_of(function.configuration.get("Layers", []))
        folders = tuple(each.folder for each in layers)
        config = read_function(function.configuration, function.code.folder, folders, role_key)
        await self._service.put(config)
