"""Step Functions' event of an execution that has ended badly."""

from collections.abc import Mapping
from typing import Any

from common.execution import Execution

__all__ = ["executions_of"]


def executions_of(event: Mapping[str, Any]) -> list[Execution]:
    """Give the execution and its redrives: each had names of its own."""
    detail = event["detail"]
    return [
        Execution(detail["executionArn"], redrive)
        for redrive in range(int(detail.get("redriveCount") or 0) + 1)
    ]
