"""Paths under /kennel/: the clock, faults, the stack's deletion, and callbacks of the cloud itself.

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
    """Answers requests to /kennel/clock, faults, delete-stack, custom/<token> and sns/<function>.

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
        _, _, resource, *rest = request.url.path.split("/")
        body = await request.body()
        match request.method, resource, rest:
            case "PUT", "custom", [token]:
                return Response(status_code=200 if self._custom.answer(token, body) else 404)
            case "POST", "sns", [function]:
                return self._notify(function, json.loads(body))
            case ("GET" | "POST") as method, "clock", []:
                return _json_of(self._move_clock, body if method == "POST" else b"{}")
            case ("GET" | "POST" | "DELETE") as method, "faults", []:
                if method == "DELETE":
                    self._faults.clear()
                return _json_of(self._add_faults, body if method == "POST" else b"[]")
            case "POST", "delete-stack", []:
                return await self._delete_stack(body)
        return JSONResponse({"message": f"nothing at {request.method} {request.url.path}"}, 404)

    async def _delete_stack(self, body: bytes) -> Response:
        """{"keep": false} deletes what is to be retained, too; answers with what was kept."""
        keep = json.loads(body or b"{}").get("keep", True)
        try:
            return JSONResponse({"kept": await asyncio.to_thread(self._delete, keep)})
        except KennelError as error:
            return JSONResponse({"message": str(error)}, 409)

    def _move_clock(self, change: dict[str, float]) -> dict[str, float]:
        """{"speed": 60} and {"skip": 900}; answers with the time and the speed."""
        if not isinstance(change, dict) or not set(change) <= {"speed", "skip"}:
            raise KennelError(f'received {change!r}, expected {{"speed": 60}} or {{"skip": 900}}')
        if "speed" in change:
            self._clock.speed = float(change["speed"])
        self._clock.skip(float(change.get("skip", 0)))
        return {"now": self._clock.now(), "speed": self._clock.speed}

    def _add_faults(self, faults: Any) -> list[dict[str, Any]]:
        """Add one fault, or a list of them; answers with all that wait."""
        for each in faults if isinstance(faults, list) else [faults]:
            self._faults.add(Fault.read(each))
        return self._faults.waiting()

    def _notify(self, function: str, message: dict[str, Any]) -> Response:
        """Invoke a function with a message that moto's SNS posts, in the form of SNS's own event.

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


def _json_of(answer: Callable[[Any], Any], body: bytes) -> Response:
    """Return what `answer` makes of a JSON body; 400 with the reason when it refuses the body."""
    try:
        return JSONResponse(answer(json.loads(body)))
    except (ValueError, TypeError, KennelError) as error:
        return JSONResponse({"message": str(error)}, 400)
