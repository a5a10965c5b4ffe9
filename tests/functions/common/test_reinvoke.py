import json
from typing import TYPE_CHECKING, Any, cast

import pytest

from common.reinvoke import reinvoke_before_timeout

if TYPE_CHECKING:
    from types_boto3_lambda.client import LambdaClient


class Context:
    function_name = "kennel-removal"

    def __init__(self, left_ms: int) -> None:
        self._left_ms = left_ms

    def get_remaining_time_in_millis(self) -> int:
        return self._left_ms


class FakeLambda:
    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []

    def invoke(self, **request: Any) -> dict[str, Any]:
        self.requests.append(request)
        return {"StatusCode": 202}


@pytest.mark.parametrize(("left_ms", "wait_s"), [(900_000, 60), (60_000, 0), (120_000, 60)])
def test_with_enough_time_it_is_not_invoked_again(left_ms: int, wait_s: int) -> None:
    fake = FakeLambda()
    client = cast("LambdaClient", fake)
    assert not reinvoke_before_timeout(client, Context(left_ms), {}, wait_s)
    assert fake.requests == []


@pytest.mark.parametrize(("left_ms", "wait_s"), [(59_999, 0), (119_999, 60), (0, 1)])
def test_before_the_timeout_it_is_invoked_with_the_event(left_ms: int, wait_s: int) -> None:
    fake = FakeLambda()
    event = {"RequestType": "Delete", "KennelStarted": 5.0}
    client = cast("LambdaClient", fake)
    assert reinvoke_before_timeout(client, Context(left_ms), event, wait_s)
    (request,) = fake.requests
    assert json.loads(request.pop("Payload")) == event
    assert request == {"FunctionName": "kennel-removal", "InvocationType": "Event"}
