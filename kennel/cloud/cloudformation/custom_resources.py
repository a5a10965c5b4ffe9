"""Custom resources: a function of the template is invoked on create, update and delete.

Request and answer: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref.html
The answer is PUT to a ResponseURL of the gateway, as on AWS to one of S3.
"""

import json
import secrets
import threading
import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from kennel.cloud.cloudformation.template import Resource
from kennel.errors import KennelError

#: CloudFormation waits an hour unless ServiceTimeout says less.
ANSWER_SECONDS = 3600.0
_ANSWER_BYTES = 4096  # "The total size of the response body can't exceed 4096 bytes"

Json = dict[str, Any]
#: Invokes a function asynchronously: (ARN, event). SNS topics are not emulated here.
Invoke = Callable[[str, Json], None]


class CustomResources:
    """Invokes the functions of custom resources, and waits for their answers.

    Parameters
    ----------
    url
        The gateway's address: answers come to /kennel/custom/<token>.
    invoke
        Invokes a function without waiting for its result.
    seconds
        Longest wait for an answer where the resource has no ServiceTimeout.
    """

    def __init__(self, url: str, invoke: Invoke, seconds: float = ANSWER_SECONDS) -> None:
        self._url = url
        self._invoke = invoke
        self._seconds = seconds
        self._waiting: dict[str, tuple[threading.Event, list[bytes]]] = {}

    def create(self, stack_id: str, resource: Resource) -> Resource:
        """Send Create; return the resource with its PhysicalResourceId as name, and its Data."""
        return self._send("Create", stack_id, resource, None)

    def update(self, stack_id: str, before: Resource, after: Resource) -> Resource:
        """Send Update; a new PhysicalResourceId means that the old resource is to be deleted."""
        return self._send("Update", stack_id, replace(after, name=before.name), before)

    def delete(self, stack_id: str, resource: Resource) -> None:
        """Send Delete."""
        self._send("Delete", stack_id, resource, None)

    def answer(self, token: str, body: bytes) -> bool:
        """Take a response that a function PUT; return whether it was expected."""
        waiting = self._waiting.get(token)
        if waiting is None:
            return False
        arrived, bodies = waiting
        bodies.append(body)
        arrived.set()
        return True

    def _send(
        self, kind: str, stack_id: str, resource: Resource, before: Resource | None
    ) -> Resource:
        properties = {
            key: value for key, value in resource.properties.items() if key != "ServiceTimeout"
        }
        request: Json = {
            "RequestType": kind,
            "RequestId": str(uuid.uuid4()),
            "StackId": stack_id,
            "LogicalResourceId": resource.logical_id,
            "ResourceType": resource.type,
            "ResourceProperties": _as_text(properties),
        }
        if kind != "Create":
            request["PhysicalResourceId"] = resource.name
        if before is not None:
            request["OldResourceProperties"] = _as_text(before.properties)
        token = secrets.token_urlsafe(24)
        arrived, bodies = self._waiting[token] = threading.Event(), []
        seconds = float(resource.properties.get("ServiceTimeout", self._seconds))
        try:
            event = {
                **request,
                "ServiceToken": str(properties["ServiceToken"]),
                "ResponseURL": f"{self._url}/kennel/custom/{token}",
            }
            self._invoke(event["ServiceToken"], event)
            if not arrived.wait(seconds):
                raise KennelError(
                    f"{resource.logical_id}: CloudFormation did not receive a response from your "
                    f"Custom Resource within {seconds:.0f} s (RequestId: {request['RequestId']})"
                )
        finally:
            del self._waiting[token]
        answer = _checked(bodies[0], request)
        data = {key: _as_text(value) for key, value in (answer.get("Data") or {}).items()}
        return replace(resource, name=answer["PhysicalResourceId"], attributes=data)


def _checked(body: bytes, request: Json) -> Json:
    """Return a function's answer, which names a PhysicalResourceId.

    Raises
    ------
    KennelError
        When its Status is FAILED, it is too long, or it does not repeat the request's ids.
    """
    name = request["LogicalResourceId"]
    try:
        answer = json.loads(body)
        status = answer["Status"]
    except (ValueError, KeyError, TypeError):
        raise KennelError(
            f"{name}: Invalid response: expected JSON with a Status, received {body[:80]!r}"
        ) from None
    if len(body) > _ANSWER_BYTES:
        raise KennelError(
            f"{name}: Response object is too long: {len(body)} bytes of {_ANSWER_BYTES}"
        )
    if status == "FAILED":
        reason = answer.get("Reason") or "no Reason, which CloudFormation requires"
        raise KennelError(
            f"{name}: Received response status [FAILED] from custom resource: {reason}"
        )
    if status != "SUCCESS":
        raise KennelError(f"{name}: expected Status SUCCESS or FAILED, received {status!r}")
    for key in ("RequestId", "StackId", "LogicalResourceId"):
        if answer.get(key) != request[key]:
            raise KennelError(
                f"{name}: the response's {key} is {answer.get(key)!r}, expected {request[key]!r}"
            )
    physical = answer.get("PhysicalResourceId")
    if not physical or not isinstance(physical, str):
        raise KennelError(f"{name}: Invalid PhysicalResourceId: received {physical!r}")
    return dict(answer)


def _as_text(value: Any) -> Any:
    """Return properties as CloudFormation sends them: numbers and booleans are strings."""
    if isinstance(value, dict):
        return {key: _as_text(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_as_text(item) for item in value]
    return str(value).lower() if isinstance(value, bool) else str(value)
