"""Respond to CloudFormation: a PUT to the URL in its event."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import urllib3

__all__ = ["NotDeliveredError", "Put", "put", "respond"]

_MAX_REASON = 1000  # characters; the whole response may have 4,096 bytes
#: (url, body) -> HTTP status.
Put = Callable[[str, bytes], int]


class NotDeliveredError(RuntimeError):
    """CloudFormation did not accept the response."""


def put(url: str, body: bytes) -> int:
    """Send the body; the signature of the URL covers an empty content type."""
    response = urllib3.PoolManager().request(
        "PUT",
        url,
        body=body,
        headers={"Content-Type": ""},
        retries=urllib3.Retry(5, allowed_methods=None, backoff_factor=1),
        timeout=10,
    )
    return response.status


def respond(event: Mapping[str, Any], name: str, problem: str, send: Put = put) -> dict[str, Any]:
    """Report the result of a request to CloudFormation.

    Parameters
    ----------
    event
        CloudFormation's request.
    name
        Of the custom resource; it must not change, because another name means a replacement.
    problem
        Empty on success, otherwise the reason shown in the stack's events.

    Returns
    -------
    dict
        The response that was sent.
    """
    response = {
        "Status": "FAILED" if problem else "SUCCESS",
        "Reason": problem[:_MAX_REASON] or "Nothing is left.",
        "PhysicalResourceId": event.get("PhysicalResourceId") or f"{name}-removal",
        "StackId": event["StackId"],
        "RequestId": event["RequestId"],
        "LogicalResourceId": event["LogicalResourceId"],
    }
    status = send(event["ResponseURL"], json.dumps(response).encode())
    if status >= 300:  # noqa: PLR2004  # HTTP: below 300 is success
        raise NotDeliveredError(f"CloudFormation's URL answered {status} to {response['Status']}.")
    return response
