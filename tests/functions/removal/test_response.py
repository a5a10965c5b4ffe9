import json
from typing import Any

import pytest

from removal.response import NotDeliveredError, respond

EVENT: dict[str, Any] = {
    "RequestType": "Delete",
    "ResponseURL": "https://cloudformation/answer",
    "StackId": "arn:stack",
    "RequestId": "1",
    "LogicalResourceId": "Removal",
    "PhysicalResourceId": "kennel-removal",
}


class FakeUrl:
    """CloudFormation's URL: keeps the responses that it receives."""

    def __init__(self, status: int = 200) -> None:
        self.status = status
        self.received: list[dict[str, Any]] = []

    def put(self, url: str, body: bytes) -> int:
        assert url == EVENT["ResponseURL"]
        assert len(body) < 4096  # CloudFormation's limit
        self.received.append(json.loads(body))
        return self.status


def test_success_keeps_the_physical_resource_id() -> None:
    url = FakeUrl()
    response = respond(EVENT, "kennel", "", url.put)
    assert url.received == [response]
    assert response == {
        "Status": "SUCCESS",
        "Reason": "Nothing is left.",
        "PhysicalResourceId": "kennel-removal",
        "StackId": "arn:stack",
        "RequestId": "1",
        "LogicalResourceId": "Removal",
    }
    fresh = {key: value for key, value in EVENT.items() if key != "PhysicalResourceId"}
    assert respond(fresh, "kennel", "", url.put)["PhysicalResourceId"] == "kennel-removal"


def test_failure_has_the_reason() -> None:
    response = respond(
        EVENT, "kennel", "the endpoint kennel, which is Updating " * 200, FakeUrl().put
    )
    assert response["Status"] == "FAILED"
    assert response["Reason"].startswith("the endpoint kennel, which is Updating")


def test_response_that_is_not_accepted_is_an_error() -> None:
    with pytest.raises(NotDeliveredError, match="answered 403 to SUCCESS"):
        respond(EVENT, "kennel", "", FakeUrl(403).put)
