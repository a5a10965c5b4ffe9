"""A custom resource's function gets CloudFormation's events, and its answers are checked."""

import json
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from kennel.cloud.cloudformation.custom_resources import CustomResources
from kennel.cloud.cloudformation.template import Resource
from kennel.errors import KennelError

RESOURCE = Resource(
    "Removal",
    "Custom::Removal",
    "tried-Removal",
    "tried-Removal",
    {"ServiceToken": "arn:function", "Wait": 5, "Deep": {"On": True}},
)
STACK = "arn:aws:cloudformation:us-east-1:123456789012:stack/tried/1"
Event = dict[str, Any]
Answer = Callable[[Event], Any]


def good(event: Event) -> Event:
    same = {key: event[key] for key in ("RequestId", "StackId", "LogicalResourceId")}
    return {**same, "Status": "SUCCESS", "PhysicalResourceId": "removal-1"}


def custom(
    answer: Answer, events: list[Event] | None = None, seconds: float = 60
) -> CustomResources:
    """Return custom resources whose function gives this answer, from another thread."""

    def invoke(arn: str, event: Event) -> None:
        assert arn == "arn:function"
        if events is not None:
            events.append(event)
        response = answer(event)
        if response is not None:
            body = response if isinstance(response, bytes) else json.dumps(response).encode()
            token = event["ResponseURL"].rpartition("/")[2]
            threading.Thread(target=made.answer, args=(token, body)).start()

    made = CustomResources("http://gateway", invoke, seconds)
    return made


def test_create_update_and_delete_carry_what_cloudformation_sends() -> None:
    events: list[Event] = []
    resources = custom(good, events)
    created = resources.create(STACK, RESOURCE)
    assert created.name == "removal-1"
    changed = replace(created, properties={**RESOURCE.properties, "Wait": 6})
    resources.update(STACK, created, changed)
    resources.delete(STACK, created)
    create, update, delete = events
    assert [each["RequestType"] for each in events] == ["Create", "Update", "Delete"]
    assert create["ResourceProperties"] == {
        "ServiceToken": "arn:function",
        "Wait": "5",  # numbers and booleans arrive as text
        "Deep": {"On": "true"},
    }
    assert "PhysicalResourceId" not in create
    assert (update["PhysicalResourceId"], delete["PhysicalResourceId"]) == ("removal-1",) * 2
    assert update["OldResourceProperties"]["Wait"] == "5"
    assert create["ResourceType"] == "Custom::Removal"
    assert len({each["RequestId"] for each in events}) == 3
    assert create["ResponseURL"].startswith("http://gateway/kennel/custom/")


def test_a_new_physical_id_on_update_is_returned() -> None:
    events: list[Event] = []
    resources = custom(lambda event: {**good(event), "PhysicalResourceId": "removal-2"}, events)
    before = replace(RESOURCE, name="removal-1")
    assert resources.update(STACK, before, before).name == "removal-2"
    assert [each["RequestType"] for each in events] == ["Update"]


def test_what_a_function_answers_are_the_resources_attributes() -> None:
    resources = custom(lambda event: {**good(event), "Data": {"Url": "x", "Count": 5}})
    assert resources.create(STACK, RESOURCE).attributes == {"Url": "x", "Count": "5"}


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda event: {**good(event), "Status": "FAILED", "Reason": "no luck"}, "no luck"),
        (lambda event: {**good(event), "Status": "DONE"}, "expected Status SUCCESS or FAILED"),
        (lambda event: {**good(event), "RequestId": "another"}, "RequestId is 'another'"),
        (lambda event: {**good(event), "StackId": "another"}, "StackId is 'another'"),
        (lambda event: {**good(event), "PhysicalResourceId": ""}, "Invalid PhysicalResourceId"),
        (lambda event: {**good(event), "Data": {"x": "y" * 5000}}, "too long"),
        (lambda event: b"fine", "expected JSON with a Status"),
    ],
)
def test_a_wrong_answer_is_a_failed_deploy(answer: Answer, words: str) -> None:
    with pytest.raises(KennelError, match=words):
        custom(answer).create(STACK, RESOURCE)


def test_no_answer_is_a_failed_deploy_after_the_resources_own_timeout() -> None:
    brief = replace(RESOURCE, properties={**RESOURCE.properties, "ServiceTimeout": "0.05"})
    with pytest.raises(KennelError, match="did not receive a response from your Custom Resource"):
        custom(lambda event: None).create(STACK, brief)


def test_an_answer_that_nobody_waits_for_is_not_taken() -> None:
    assert not custom(good).answer("made up", b"{}")
