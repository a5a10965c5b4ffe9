"""Paths under /kennel/: what a test, a demonstration or a part of the cloud asks of the gateway.

No AWS service has them, so they need no signature. They are for this machine only.
"""

import asyncio
import contextlib
import json
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from kennel.cloud.awslambda.async_invoke import AsynchronousInvocations
from kennel.cloud.awslambda.functions import NoSuchFunction
from kennel.cloud.cloudformation.custom_resources import CustomResources
from kennel.cloud.runtime.clock import Clock
from kennel.cloud.runtime.faults import Fault, Faults
from kennel.errors import KennelError


class Control:
    """Answers /kennel/clock, faults, delete-stack, custom/<token> and sns/<function>.

    Parameters
    ----------
    delete
        Deletes the stack (`DeployedStack.delete`).
    """

    def __init__(
        self,
        queue: AsynchronousInvocations,
        custom: CustomResources,
        clock: Clock,
        faults: Faults,
        delete: Callable[[bool], list[str]],
    ) -> None:
        self._queue = queue
        self._custom = custom
        self._clock = clock
        self._faults = faults
        self._delete = delete

    async def answer(self, request: Request) -> Response:
        """Answer one request."""
        _, _, what, *rest = request.url.path.split("/")
        body = await request.body()
        match request.method, what, rest:
            case "PUT", "custom", [token]:
                return Response(status_code=200 if self._custom.answer(token, body) else 404)
            case "POST", "sns", [function]:
                return self._notify(function, json.loads(body))
            case ("GET" | "POST") as method, "clock", []:
                return self._said(self._move, body if method == "POST" else b"{}")
            case ("GET" | "POST" | "DELETE") as method, "faults", []:
                if method == "DELETE":
                    self._faults.clear()
                return self._said(self._fail, body if method == "POST" else b"[]")
            case "POST", "delete-stack", []:
                return await self._remove(body)
        return JSONResponse({"message": f"nothing at {request.method} {request.url.path}"}, 404)

    def _said(self, what: Any, body: bytes) -> Response:
        try:
            return JSONResponse(what(json.loads(body)))
        except (ValueError, TypeError, KennelError) as error:
            return JSONResponse({"message": str(error)}, 400)

    async def _remove(self, body: bytes) -> Response:
        """{"keep": false} deletes what is to be retained, too; answers with what was kept."""
        keep = json.loads(body or b"{}").get("keep", True)
        try:
            return JSONResponse({"kept": await asyncio.to_thread(self._delete, keep)})
        except KennelError as error:
            return JSONResponse({"message": str(error)}, 409)

    def _move(self, wanted: dict[str, float]) -> dict[str, float]:
        """{"speed": 60} and {"skip": 900}; answers with the time and the speed."""
        if not isinstance(wanted, dict) or not set(wanted) <= {"speed", "skip"}:
            raise KennelError(f'received {wanted!r}, expected {{"speed": 60}} or {{"skip": 900}}')
        if "speed" in wanted:
            self._clock.speed = float(wanted["speed"])
        self._clock.skip(float(wanted.get("skip", 0)))
        return {"now": self._clock.now(), "speed": self._clock.speed}

    def _fail(self, wanted: Any) -> list[dict[str, Any]]:
        """Take one fault, or a list of them; answers with all that wait."""
        for each in wanted if isinstance(wanted, list) else [wanted]:
            self._faults.add(Fault.read(each))
        return self._faults.waiting()

    def _notify(self, function: str, message: dict[str, Any]) -> Response:
        """Pass on what moto's SNS posts, in the form in which SNS calls a function.

        https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html
        """
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
        return Response(status_code=200)
