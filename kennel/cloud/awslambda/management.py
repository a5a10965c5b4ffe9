"""Answer all of Lambda's API except Invoke: functions, layers and the functions' settings.

What its calls make and change is kept in the store, and holds from the next invocation on.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response

from kennel.cloud.awslambda.event_invoke import EventInvokeConfigs
from kennel.cloud.awslambda.event_sources import EventSources
from kennel.cloud.awslambda.function_calls import FunctionCalls
from kennel.cloud.awslambda.functions import LambdaService
from kennel.cloud.awslambda.layers import Layers
from kennel.cloud.awslambda.packages import Packages
from kennel.cloud.awslambda.policies import FunctionPolicies
from kennel.cloud.awslambda.registry import FunctionRegistry, StartSession
from kennel.cloud.iam.requests import ApiCall
from kennel.cloud.runtime.answers import written
from kennel.cloud.runtime.errors import not_implemented
from kennel.cloud.runtime.store import Store

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

Json = dict[str, Any]


class FunctionManagement:
    """Answers every call of Lambda but Invoke.

    Parameters
    ----------
    functions
        Runs the functions; notified of changes.
    store
        Stores functions, layers, event-invoke configs and policies.
    start_session
        Returns the access key of a function's environments, from its role's ARN and its name;
        None where Lambda may not assume the role.
    s3
        A boto3 client that reads packages of code.
    local_code
        Returns the folder that was built on this machine for the S3 key of code in the bucket
        `here`; KeyError when there is none. A layer's has a folder `python`.
    code_folder
        Keeps packages that came in a call or from S3; of this cloud alone.
    event_sources
        Answers the calls about event source mappings.
    """

    def __init__(
        self,
        functions: LambdaService,
        store: Store,
        *,
        start_session: StartSession,
        s3: "S3Client",
        local_code: Callable[[str], Path],
        code_folder: Path,
        event_sources: EventSources,
    ) -> None:
        packages = Packages(s3, code_folder, local_code)
        layers = Layers(store, packages)
        self._registry = FunctionRegistry(functions, store, packages, layers, start_session)
        policies = FunctionPolicies(store, self._registry.checked)
        configs = EventInvokeConfigs(store, lambda call: self._registry.named(call).name)

        def forget(name: str) -> None:
            policies.forget(name)
            configs.forget(name)

        calls = FunctionCalls(self._registry, packages, layers, forget)
        self._calls: Mapping[str, Callable[[Json], Awaitable[Json]]] = {
            **calls.calls,
            **layers.calls,
            **configs.calls,
            **policies.calls,
            **event_sources.calls,
        }
        self._changing = asyncio.Lock()

    async def restore(self) -> None:
        """Run an earlier run's stored functions: once, after roles are read and before any call."""
        await self._registry.restore()

    async def __call__(self, request: Request, call: ApiCall) -> Response:
        """Answer a call whose parameters keep the constraints of botocore's model."""
        result = await self.run(call.operation, call.parameters)
        return written("lambda", call.operation, result)

    async def run(self, operation: str, parameters: Json) -> Json:
        """Return the result of a call; raises ServiceError."""
        if operation not in self._calls:
            raise not_implemented(
                f"the offline cloud does not emulate lambda:{operation}; it answers Invoke, "
                f"{', '.join(self._calls)}"
            )
        if parameters.get("Qualifier", "$LATEST") != "$LATEST":
            raise not_implemented("the offline cloud has no versions and aliases of functions")
        if operation.startswith(("Get", "List")):
            return await self._calls[operation](parameters)
        async with self._changing:  # one change at a time: a name is checked, then taken
            return await self._calls[operation](parameters)
