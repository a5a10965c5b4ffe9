import json
from typing import Any

import pytest

from removal.answer import NotAnsweredError, answer

EVENT: dict[str, Any] = {
    "RequestType": "Delete",
    "ResponseURL": "https://cloudformation/answer",
    "StackId": "arn:stack",
    "RequestId": "1",
    "LogicalResourceId": "Removal",
    "PhysicalResourceId": "kennel-removal",
}


class Url:
    def __init__(self, status: int = 200) -> None:
        self.status = status
        self.got: list[dict[str, Any]] = []

    def put(self, url: str, body: bytes) -> int:
        assert url == EVENT["ResponseURL"]
        assert len(body) < 4096  # CloudFormation's limit
        self.got.append(json.loads(body))
        return self.status


def test_success_names_the_same_resource() -> None:
    url = Url()
    told = answer(EVENT, "kennel", "", url.put)
    assert url.got == [told]
    assert told == {
        "Status": "SUCCESS",
        "Reason": "Nothing is left.",
        "PhysicalResourceId": "kennel-removal",
        "StackId": "arn:stack",
        "RequestId": "1",
        "LogicalResourceId": "Removal",
    }
    fresh = {key: value for key, value in EVENT.items() if key != "PhysicalResourceId"}
    assert answer(fresh, "kennel", "", url.put)["PhysicalResourceId"] == "kennel-removal"


def test_failure_says_why() -> None:
    told = answer(EVENT, "kennel", "the endpoint kennel, which is Updating " * 200, Url().put)
    assert told["Status"] == "FAILED"
    assert told["Reason"].startswith("the endpoint kennel, which is Updating")


def test_answer_that_does_not_arrive_is_an_error() -> None:
    with pytest.raises(NotAnsweredError, match="answered 403 to SUCCESS"):
        answer(EVENT, "kennel", "", Url(403).put)
