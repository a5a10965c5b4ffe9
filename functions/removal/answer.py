"""The answer that CloudFormation waits for: a PUT to the URL that its event brought."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import urllib3

__all__ = ["Put", "answer", "put"]

_LONGEST_REASON = 1000  # characters; the whole answer may have 4,096 bytes
#: (url, body) -> HTTP status.
Put = Callable[[str, bytes], int]


class NotAnsweredError(RuntimeError):
    """CloudFormation did not take the answer."""


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


def answer(event: Mapping[str, Any], name: str, problem: str, send: Put = put) -> dict[str, Any]:
    """Tell CloudFormation how a request has ended.

    Parameters
    ----------
    event
        Its request.
    name
        Of the custom resource, the same for its whole life: another would be a replacement.
    problem
        Empty where all went well, otherwise what a person reads in the stack's events.

    Returns
    -------
    dict
        What was sent.
    """
    told = {
        "Status": "FAILED" if problem else "SUCCESS",
        "Reason": problem[:_LONGEST_REASON] or "Nothing is left.",
        "PhysicalResourceId": event.get("PhysicalResourceId") or f"{name}-removal",
        "StackId": event["StackId"],
        "RequestId": event["RequestId"],
        "LogicalResourceId": event["LogicalResourceId"],
    }
    status = send(event["ResponseURL"], json.dumps(told).encode())
    if status >= 300:  # noqa: PLR2004  # HTTP's own line between taken and not
        raise NotAnsweredError(f"CloudFormation's URL answered {status} to {told['Status']}.")
    return told
