"""Send events to the targets of rules, schedules and destinations.

A target is a function, a topic, a queue or a state machine, which is started with the permissions
of the target's role.
"""

import asyncio
import json
import logging
import re
from collections.abc import Callable, Mapping
from typing import Any

import jmespath
from botocore.exceptions import ClientError

from kennel.cloud.runtime.clients import Clients
from kennel.errors import CannotStart

Json = dict[str, Any]
_log = logging.getLogger(__name__)
_SERVICES = {"lambda", "sns", "sqs", "states"}
_SERVER_ERROR = 500
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 1.0, 30.0
_PLACEHOLDER = re.compile(r"<([A-Za-z0-9_.-]+)>")


class EventTargets:
    """Sends documents to ARNs.

    Parameters
    ----------
    invoke
        Invokes a function asynchronously: (ARN, JSON text).
    client
        A boto3 client by service, for topics and queues.
    as_role
        A boto3 client by service and a role's ARN, for state machines.
    assumable_by
        Whether a service may assume a role, by its ARN.
    """

    def __init__(
        self,
        invoke: Callable[[str, bytes], object],
        client: Clients,
        as_role: Callable[[str, str], Any],
        assumable_by: Callable[[str, str], object],
    ) -> None:
        self._invoke = invoke
        self._client = client
        self._as_role = as_role
        self._assumable_by = assumable_by

    def check(self, target: Mapping[str, Any], sender: str) -> None:
        """Check that the service that sends to a target may assume its role.

        Parameters
        ----------
        target
            Of a rule or a schedule, as in the template.
        sender
            The service that assumes the target's role, such as events.amazonaws.com.

        Raises
        ------
        CannotStart
            For a state machine without a role that `sender` may assume.
        """
        role = target.get("RoleArn", "none")
        if service_of(target["Arn"]) == "states" and not self._assumable_by(sender, role):
            raise CannotStart(
                f"a rule or schedule starts {target['Arn']} with the role {role}, expected RoleArn "
                f"to name a role that {sender} may assume"
            )

    async def send(self, arn: str, document: Any, role: str = "") -> bool:
        """Send `document` (JSON) to the target with this ARN; a refusal is logged.

        It returns True when the target has the document, False when it has refused it.

        Parameters
        ----------
        role
            The target's RoleArn, which only a state machine needs.
        """
        text = document if isinstance(document, str) else json.dumps(document)
        match service_of(arn):
            case "lambda":
                self._invoke(arn, json.dumps(document).encode())
                return True
            case "sns":
                return await _call(self._client("sns").publish, TopicArn=arn, Message=text)
            case "sqs":
                url = f"https://sqs.us-east-1.amazonaws.com/{arn.split(':')[4]}/{arn.split(':')[5]}"
                return await _call(self._client("sqs").send_message, QueueUrl=url, MessageBody=text)
            case _:
                states = self._as_role("stepfunctions", role)
                return await _call(states.start_execution, stateMachineArn=arn, input=text)


async def _call(method: Callable[..., object], **parameters: str) -> bool:
    """Make a call, and repeat it after a server error (status 5xx), which AWS does for a day.

    Return False if it was refused.
    """
    pause = _FIRST_PAUSE_SECONDS
    while True:
        try:
            await asyncio.to_thread(method, **parameters)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] < _SERVER_ERROR:
                _log.error("an event did not reach its target: %s", error)
                return False
        else:
            return True
        await asyncio.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)


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
