"""Step Functions' event for an execution that failed, was aborted or timed out."""

from collections.abc import Mapping
from typing import Any

from common.execution import Execution

__all__ = ["executions_of"]


def executions_of(event: Mapping[str, Any]) -> list[Execution]:
    """Return the execution and each of its redrives, which have resource names of their own."""
    detail = event["detail"]
    return [
        Execution(detail["executionArn"], redrive)
        for redrive in range(int(detail.get("redriveCount") or 0) + 1)
    ]
