"""Merge tables of handlers, and name what is not emulated."""

import asyncio
from typing import Any

import pytest

from kennel.cloud.sagemaker.handlers import Handler, merge_handlers, not_emulated


def handler(answer: str) -> Handler:
    async def handle(request: dict[str, Any]) -> dict[str, Any]:
        return {"Answer": answer}

    return handle


def test_a_merged_table_has_every_action() -> None:
    merged = merge_handlers([{"CreateModel": handler("a")}, {"DeleteModel": handler("b")}])
    assert asyncio.run(merged["CreateModel"]({})) == {"Answer": "a"}
    assert asyncio.run(merged["DeleteModel"]({})) == {"Answer": "b"}


def test_two_handlers_of_one_action_are_refused() -> None:
    with pytest.raises(ValueError, match="two handlers for CreateModel"):
        merge_handlers([{"CreateModel": handler("a")}, {"CreateModel": handler("b")}])


def test_a_feature_that_is_not_emulated_is_named() -> None:
    error = not_emulated("Pipe mode")
    assert (error.code, error.status) == ("NotImplementedOffline", 501)
    assert str(error) == "the offline cloud does not emulate Pipe mode"
