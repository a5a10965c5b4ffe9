import json
from typing import Any

import pytest

from common.again import starts_anew


class Context:
    function_name = "kennel-CleanUpFunction"

    def __init__(self, left_ms: int) -> None:
        self._left_ms = left_ms

    def get_remaining_time_in_millis(self) -> int:
        return self._left_ms


class Functions:
    def __init__(self) -> None:
        self.invoked: list[dict[str, Any]] = []

    def invoke(self, **request: Any) -> dict[str, Any]:
        self.invoked.append(request)
        return {"StatusCode": 202}


@pytest.mark.parametrize(("left_ms", "wait_s"), [(900_000, 60), (60_000, 0), (120_000, 60)])
def test_with_time_for_another_look_nothing_is_started(left_ms: int, wait_s: int) -> None:
    functions = Functions()
    assert not starts_anew(functions, Context(left_ms), {}, wait_s)
    assert functions.invoked == []


@pytest.mark.parametrize(("left_ms", "wait_s"), [(59_999, 0), (119_999, 60), (0, 1)])
def test_before_its_time_is_over_it_starts_itself_with_the_event(left_ms: int, wait_s: int) -> None:
    functions = Functions()
    event = {"RequestType": "Delete", "KennelStarted": 5.0}
    assert starts_anew(functions, Context(left_ms), event, wait_s)
    (request,) = functions.invoked
    assert json.loads(request.pop("Payload")) == event
    assert request == {"FunctionName": "kennel-CleanUpFunction", "InvocationType": "Event"}
