"""What `kennel up` prints about the executions that other programs start."""

from datetime import UTC, datetime
from typing import Any

from kennel.execution import ExecutionWatch
from tests.kennel.conftest import scripted

MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:kennel-TrainAndDeploy"
EARLIER, MINE = (
    f"{MACHINE.replace('stateMachine', 'execution')}:{name}" for name in ("earlier", "mine")
)
BEGAN = datetime(2026, 11, 2, 9, 0, 0, tzinfo=UTC)


def listed(*executions: tuple[str, str]) -> list[tuple[str, Any]]:
    """Return the answers to a look at all executions, each (ARN, status)."""
    machine = {
        "stateMachineArn": MACHINE,
        "name": "kennel-TrainAndDeploy",
        "type": "STANDARD",
        "creationDate": BEGAN,
    }
    return [
        ("list_state_machines", {"stateMachines": [machine]}),
        ("list_executions", {"executions": [described(*each) for each in executions]}),
    ]


def described(arn: str, status: str) -> dict[str, Any]:
    return {
        "executionArn": arn,
        "stateMachineArn": MACHINE,
        "name": arn.rpartition(":")[2],
        "status": status,
        "startDate": BEGAN,
        "stopDate": BEGAN.replace(second=43),
    }


def history(*states: str) -> tuple[str, Any]:
    events = [
        {
            "timestamp": BEGAN,
            "type": "TaskStateEntered",
            "id": number,
            "stateEnteredEventDetails": {"name": state},
        }
        for number, state in enumerate(states, 1)
    ]
    return ("get_execution_history", {"events": events})


def test_each_state_is_reported_once_and_the_end_with_its_cause() -> None:
    watch = ExecutionWatch(
        scripted(
            "stepfunctions",
            *listed((EARLIER, "SUCCEEDED")),
            *listed((EARLIER, "SUCCEEDED"), (MINE, "RUNNING")),
            history("Preflight", "Wait"),
            *listed((EARLIER, "SUCCEEDED"), (MINE, "FAILED")),
            history("Preflight", "Wait", "IsReady", "Wait", "Failed"),
            ("describe_execution", {**described(MINE, "FAILED"), "cause": "no [photo] left"}),
            *listed((EARLIER, "SUCCEEDED"), (MINE, "FAILED")),
        )
    )
    title = "kennel-TrainAndDeploy/mine"
    assert list(watch.new_lines()) == [f"{title} started", f"{title}: Preflight", f"{title}: Wait"]
    assert watch.running == [title]
    assert list(watch.new_lines()) == [
        f"{title}: IsReady",
        f"{title}: Failed",
        f"{title} failed after 43 s: no [photo] left",
    ]
    assert watch.running == list(watch.new_lines()) == []
