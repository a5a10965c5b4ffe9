"""A function's EventInvokeConfig: retries, maximum event age and destinations of async invocations.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-configuring.html
"""

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from kennel.cloud.awslambda.code_package import invalid
from kennel.cloud.awslambda.description import arn_of
from kennel.cloud.awslambda.errors import not_found
from kennel.cloud.runtime.store import Store

Json = dict[str, Any]
_KIND = "event-invoke-config"
_SETTINGS = ("MaximumRetryAttempts", "MaximumEventAgeInSeconds", "DestinationConfig")


@dataclass(frozen=True)
class InvokeConfig:
    """Retries, age in seconds, ARNs of destinations and of dead letters ("" for none)."""

    retries: int = 2
    age: float = 21600.0
    on_failure: str = ""
    on_success: str = ""
    dead_letters: str = ""


class EventInvokeConfigs:
    """Stores the EventInvokeConfig of each function, and answers the API calls on it.

    Parameters
    ----------
    name_of
        Returns the name of the function that a call names; raises ServiceError without one.
    """

    def __init__(self, store: Store, name_of: Callable[[Json], str]) -> None:
        self._store = store
        self._name_of = name_of
        self.calls: Mapping[str, Callable[[Json], Awaitable[Json]]] = {
            "PutFunctionEventInvokeConfig": self._put,
            "UpdateFunctionEventInvokeConfig": self._update,
            "GetFunctionEventInvokeConfig": self._get,
            "ListFunctionEventInvokeConfigs": self._list,
            "DeleteFunctionEventInvokeConfig": self._delete,
        }

    def forget(self, name: str) -> None:
        """Delete the config of a function that was deleted."""
        self._store.delete(_KIND, name)

    async def _put(self, parameters: Json) -> Json:
        return self._keep(self._name_of(parameters), {}, parameters)

    async def _update(self, parameters: Json) -> Json:
        name = self._name_of(parameters)
        return self._keep(name, self._existing(name), parameters)

    async def _get(self, parameters: Json) -> Json:
        name = self._name_of(parameters)
        return _described(name, self._existing(name))

    async def _list(self, parameters: Json) -> Json:
        name = self._name_of(parameters)
        config = self._store.get(_KIND, name)
        return {"FunctionEventInvokeConfigs": [_described(name, config)] if config else []}

    async def _delete(self, parameters: Json) -> Json:
        name = self._name_of(parameters)
        self._existing(name)
        self.forget(name)
        return {}

    def _existing(self, name: str) -> Json:
        config = self._store.get(_KIND, name)
        if config is None:
            raise not_found(
                f"The function {arn_of(name)}:$LATEST doesn't have an EventInvokeConfig"
            )
        return config

    def _keep(self, name: str, before: Json, parameters: Json) -> Json:
        settings = {key: parameters[key] for key in _SETTINGS if key in parameters}
        if not settings:
            raise invalid("You must specify at least one of error handling or destination setting.")
        config = {**before, **settings, "modified": time.time()}
        self._store.put(_KIND, name, config)
        return _described(name, config)


def invoke_config(store: Store, name: str) -> InvokeConfig:
    """Return how the asynchronous invocations of a function are tried, as it is now."""
    config = store.get(_KIND, name) or {}
    destinations = config.get("DestinationConfig", {})
    function = store.get("function", name) or {"configuration": {}}
    return InvokeConfig(
        config.get("MaximumRetryAttempts", InvokeConfig.retries),
        config.get("MaximumEventAgeInSeconds", InvokeConfig.age),
        destinations.get("OnFailure", {}).get("Destination", ""),
        destinations.get("OnSuccess", {}).get("Destination", ""),
        function["configuration"].get("DeadLetterConfig", {}).get("TargetArn", ""),
    )


def _described(name: str, config: Json) -> Json:
    return {
        "FunctionArn": f"{arn_of(name)}:$LATEST",
        "LastModified": datetime.fromtimestamp(config["modified"], UTC),
        **{key: config[key] for key in _SETTINGS if key in config},
        "DestinationConfig": {
            "OnSuccess": {},
            "OnFailure": {},
            **config.get("DestinationConfig", {}),
        },
    }
