"""Send events to the targets of rules, schedules and destinations.

A target is a function, a topic, a queue or a state machine.
"""

import asyncio
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

import jmespath

from kennel.cloud.runtime.clients import Clients
from kennel.errors import CannotStart

Json = dict[str, Any]
_SERVICES = {"lambda", "sns", "sqs", "states"}
_PLACEHOLDER = re.compile(r"<([A-Za-z0-9_.-]+)>")


class EventTargets:
    """Sends documents to ARNs.

    Parameters
    ----------
    invoke
        Invokes a function asynchronously: (ARN, JSON text).
    client
        A boto3 client by service, for the rest.
    """

    def __init__(self, invoke: Callable[[str, bytes], object], client: Clients) -> None:
        self._invoke = invoke
        self._client = client

    async def send(self, arn: str, document: Any) -> None:
        """Send `document` (JSON) to the target with this ARN."""
        text = document if isinstance(document, str) else json.dumps(document)
        match service_of(arn):
            case "lambda":
                self._invoke(arn, json.dumps(document).encode())
            case "sns":
                await self._call("sns", "publish", TopicArn=arn, Message=text)
            case "sqs":
                url = f"https://sqs.us-east-1.amazonaws.com/{arn.split(':')[4]}/{arn.split(':')[5]}"
                await self._call("sqs", "send_message", QueueUrl=url, MessageBody=text)
            case _:
                await self._call(
                    "stepfunctions", "start_execution", stateMachineArn=arn, input=text
                )

    async def _call(self, service: str, method: str, **parameters: str) -> None:
        await asyncio.to_thread(getattr(self._client(service), method), **parameters)


def service_of(arn: str) -> str:
    """Return the service of a target's ARN; CannotStart for one that is not emulated."""
    service = (arn.split(":") + [""] * 3)[2]
    if service not in _SERVICES:
        raise CannotStart(
            f"a rule or schedule has the target {arn}, expected one of {', '.join(_SERVICES)}: "
            "add it to kennel/cloud/eventbridge/targets.py"
        )
    return service


def input_of(target: Mapping[str, Any], event: Json) -> Any:
    """Return the input of a rule's target: the event, a part of it, or a text made from it.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html
    """
    if "Input" in target:
        fixed = target["Input"]
        return json.loads(fixed) if isinstance(fixed, str) else fixed
    if path := target.get("InputPath"):
        return _at(path, event)
    if transformer := target.get("InputTransformer"):
        values = {
            name: _at(path, event) for name, path in transformer.get("InputPathsMap", {}).items()
        }

        def value(match: re.Match[str]) -> str:
            inserted = values.get(match[1], "")
            return inserted if isinstance(inserted, str) else json.dumps(inserted)

        text = _PLACEHOLDER.sub(value, transformer["InputTemplate"])
        try:
            return json.loads(text)
        except ValueError:
            return text.strip('"')
    return event


def _at(path: str, event: Json) -> Any:
    """Return the value at a JSON path of dots; `$` is the whole event."""
    inner = ".".join(f'"{part}"' for part in path.removeprefix("$").strip(".").split("."))
    return event if path == "$" else jmespath.search(inner, event)
