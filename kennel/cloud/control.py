"""Paths under /kennel/: clock, faults, health, the stack's deletion, the cloud's own callbacks.

No AWS service has them, so they need no signature but a token: any web page can send a request to
this machine.
"""

import asyncio
import contextlib
import json
import secrets
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from kennel.cloud.awslambda.async_invoke import AsynchronousInvocations
from kennel.cloud.awslambda.functions import NoSuchFunction
from kennel.cloud.cloudformation.custom_resources import CustomResources
from kennel.cloud.origins import TOKEN_HEADER
from kennel.cloud.runtime.clock import Clock
from kennel.cloud.runtime.faults import Fault, Faults
from kennel.cloud.runtime.health import Health
from kennel.cloud.runtime.json_text import AsciiJson, read_json
from kennel.errors import KennelError

_SHOWN = 12  # characters of a wrong token, which tell it from others


class Control:
    """Answers requests to /kennel/clock, faults, delete-stack, health and the callbacks' paths.

    Callbacks are custom/<token>, with the token of a custom resource's request, and
    sns/<token>/<function>.

    Parameters
    ----------
    delete
        Deletes the stack (`DeployedStack.delete`).
    token
        What every other request carries in the header x-kennel-token.
    sns_token
        The one in the URL of SNS's deliveries: whoever may list subscriptions can read it.
    """

    def __init__(
        self,
        queue: AsynchronousInvocations,
        custom: CustomResources,
        clock: Clock,
        faults: Faults,
        *,
        delete: Callable[[bool], list[str]],
        health: Health,
        token: str,
        sns_token: str,
    ) -> None:
        self._queue = queue
        self._custom = custom
        self._clock = clock
        self._faults = faults
        self._delete = delete
        self._health = health
        self._token = token
        self._sns_token = sns_token

    async def answer(self, request: Request) -> Response:
        """Answer one request; 400 with a sentence for a body of another form than its path's."""
        _, _, resource, *rest = request.url.path.split("/")
        body = await request.body()
        has_token = _is(request.headers.get(TOKEN_HEADER, ""), self._token)
        match request.method, resource, rest:
            case "GET", "health", []:
                health = self._health.describe()
                return AsciiJson(health if has_token else {"ok": health["ok"]})
            case "PUT", "custom", [token]:
                return Response(status_code=200 if self._custom.answer(token, body) else 404)
            case "POST", "sns", [token, function] if _is(token, self._sns_token):
                return _json_of(lambda message: self._notify(function, message), body)
        if not has_token:
            received = request.headers.get(TOKEN_HEADER)
            named = "no token" if received is None else f"the token {received[:_SHOWN]!r}"
            return _problem(
                403,
                f"{request.method} {request.url.path} came with {named}, and needs this offline "
                f"cloud's in the header {TOKEN_HEADER}: `kennel up` makes one at each start, and "
                "keeps it in .kennel/up.json, as control_token",
            )
        match request.method, resource, rest:
            case "GET", "clock", []:
                return _json_of(self._move_clock, b"{}")
            case "POST", "clock", []:
                return _json_of(self._move_clock, body)
            case "GET", "faults", []:
                return _json_of(self._add_faults, b"[]")
            case "POST", "faults", []:
                return _json_of(self._add_faults, body)
            case "DELETE", "faults", []:
                self._faults.clear()
                return _json_of(self._add_faults, b"[]")
            case "POST", "delete-stack", []:
                return await self._delete_stack(body or b"{}")
        return _problem(404, f"nothing at {request.method} {request.url.path}")

    async def _delete_stack(self, body: bytes) -> Response:
        """{"keep": false} deletes what is to be retained, too; answers with what was kept."""
        try:
            options = read_json(body)
        except ValueError as error:
            return _problem(400, str(error))
        if options not in ({}, {"keep": True}, {"keep": False}):
            return _problem(400, f'received {options!r}, expected {{}} or {{"keep": false}}')
        try:
            kept = await asyncio.to_thread(self._delete, options.get("keep", True))
        except KennelError as error:
            return _problem(409, str(error))
        return AsciiJson({"kept": kept})

    def _move_clock(self, change: Any) -> dict[str, float]:
        """{"speed": 60} and {"skip": 900}; answers with the time and the speed."""
        if not isinstance(change, dict) or not set(change) <= {"speed", "skip"}:
            raise KennelError(f'received {change!r}, expected {{"speed": 60}} or {{"skip": 900}}')
        if "speed" in change:
            self._clock.speed = float(change["speed"])
        self._clock.skip(float(change.get("skip", 0)))
        return {"now": self._clock.now(), "speed": self._clock.speed}

    def _add_faults(self, faults: Any) -> list[dict[str, Any]]:
        """Inject one fault or a list of faults; return all that have not occurred yet."""
        for each in faults if isinstance(faults, list) else [faults]:
            self._faults.add(Fault.read(each))
        return self._faults.waiting()

    def _notify(self, function: str, message: Any) -> dict[str, Any]:
        """Invoke a function with a message that moto's SNS posts, in the form of SNS's own event.

        https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html
        """
        if not isinstance(message, dict) or not {"Message", "TopicArn"} <= set(message):
            raise KennelError(f"received {message!r}, expected a message of SNS")
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        sns = {
            "SignatureVersion": "1",
            "Timestamp": message.get("Timestamp", now),
            "Signature": "offline",
            "SigningCertUrl": "offline",
            "MessageId": message.get("MessageId", str(uuid.uuid4())),
            "Message": message["Message"],
            "MessageAttributes": message.get("MessageAttributes", {}),
            "Type": "Notification",
            "UnsubscribeUrl": "offline",
            "TopicArn": message["TopicArn"],
            "Subject": message.get("Subject"),
        }
        record = {
            "EventVersion": "1.0",
            "EventSubscriptionArn": f"{message['TopicArn']}:offline",
            "EventSource": "aws:sns",
            "Sns": sns,
        }
        with contextlib.suppress(NoSuchFunction):  # a subscription outlives its function on AWS too
            self._queue.send(function, json.dumps({"Records": [record]}).encode())
        return {}


def _is(received: str, secret: str) -> bool:
    """Return whether two texts are equal, in a time that tells nothing about the secret."""
    return secrets.compare_digest(received.encode(), secret.encode())


def _json_of(answer: Callable[[Any], Any], body: bytes) -> Response:
    """Return what `answer` makes of a JSON body; 400 with the reason when it refuses the body."""
    try:
        return AsciiJson(answer(read_json(body)))
    except (ValueError, TypeError, ArithmeticError, KennelError) as error:
        return _problem(400, str(error))


def _problem(status: int, message: str) -> Response:
    return AsciiJson({"message": message}, status)
