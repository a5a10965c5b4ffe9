"""Run the emulated API Gateway in front of scripted functions; tests add and remove resources."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.testclient import TestClient
from starlette.types import Receive, Scope, Send

from kennel.cloud.apigateway.access_log import AccessLogs
from kennel.cloud.apigateway.apis import Apis
from kennel.cloud.apigateway.check import check
from kennel.cloud.apigateway.usage import UsagePlans
from kennel.cloud.awslambda.emulator import Outcome
from kennel.cloud.cloudformation.deployed import DeployedResources
from kennel.cloud.cloudformation.resource_types import RESOURCE_TYPES
from kennel.cloud.cloudformation.template import Stack, load
from kennel.cloud.cloudwatch.metrics import Metrics
from kennel.cloud.runtime.store import Store

Function = Callable[[dict[str, Any]], Awaitable[Outcome]]


class Functions:
    """One function in the place of the LambdaService; `invoked` has the names it was called by."""

    def __init__(self, function: Function) -> None:
        self._function = function
        self.invoked: list[str] = []

    async def invoke(self, name: str, payload: bytes) -> Outcome:
        self.invoked.append(name)
        return await self._function(json.loads(payload))


class Served:
    """The APIs of resources; `client` calls them.

    Parameters
    ----------
    timeout
        Of the functions, in seconds.
    """

    def __init__(
        self,
        resources: DeployedResources | Stack,
        function: Function,
        *,
        metrics: Metrics | None = None,
        timeout: float | None = None,
        store: Store | None = None,
        access_logs: AccessLogs | None = None,
    ) -> None:
        if isinstance(resources, Stack):
            resources = DeployedResources.of_stack(resources)
        self.resources = resources
        self.functions = Functions(function)
        self.plans = UsagePlans(resources, store or Store(None))
        self.apis = Apis(
            resources,
            self.functions,  # type: ignore[arg-type]
            self.plans,
            metrics,
            timeout,
            access_logs=access_logs,
        )

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            response: Response = await self.apis.answer(Request(scope, receive))
            await response(scope, receive, send)

        self.client = TestClient(app, base_url="http://api")

    def put(self, stack: Stack) -> None:
        """Deploy the resources of a stack beside those that there are."""
        for each in stack.resources.values():
            check(each)
            self.resources.put(stack.name, each)

    def remove(self, stack: Stack) -> None:
        """Delete the resources of a stack."""
        for each in stack.resources:
            self.resources.remove(stack.name, each)


async def echo(event: dict[str, Any]) -> Outcome:
    """Answer with the event, in a form that every format takes."""
    return Outcome(json.dumps({"statusCode": 200, "body": json.dumps(event)}).encode(), False)


def answering(answer: Any) -> Function:
    """Return a function that always returns the same."""

    async def function(event: dict[str, Any]) -> Outcome:
        return Outcome(json.dumps(answer).encode(), False)

    return function


def read(text: str, folder: Path, name: str = "tried") -> Stack:
    """Return the stack of a SAM template; its functions need no code, its ids can be read."""
    file = folder / "template.yaml"
    file.write_text("Transform: AWS::Serverless-2016-10-31\n" + text)
    stack = load(file, {}, name)
    ids = {
        each.name: f"{name}-{each.logical_id}"
        for each in stack.resources.values()
        if RESOURCE_TYPES[each.type].id_length
    }

    def readable(properties: Any) -> Any:
        text = json.dumps(properties)
        for generated, chosen in ids.items():
            text = text.replace(generated, chosen)
        return json.loads(text)

    resources = {
        logical_id: replace(
            each,
            name=readable(each.name),
            arn=readable(each.arn),
            properties=readable(each.properties),
        )
        for logical_id, each in stack.resources.items()
    }
    return replace(stack, resources=resources, outputs=readable(stack.outputs))
