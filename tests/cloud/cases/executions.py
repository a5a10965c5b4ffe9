"""Step Functions: executions that are redriven."""

import json

from tests.cloud.conformance_case import Case, Like, Refused, Request

_API = "https://docs.aws.amazon.com/step-functions/latest/apireference/"
_GUIDE = "https://docs.aws.amazon.com/step-functions/latest/dg/redrive-executions.html"
_ARN = "arn:aws:states:us-east-1:123456789012:"
_EXECUTION = {"executionArn": f"{_ARN}execution:$name:$name"}
_FAIL = {"Failed": {"Type": "Fail", "Error": "Broken", "Cause": "It broke."}}
_SUCCEED = {"Failed": {"Type": "Succeed"}}
_WAIT = {"Failed": {"Type": "Wait", "Seconds": 600, "End": True}}


def _run(states: Request, status: str) -> tuple[tuple[str, Request], ...]:
    """Return the calls that bring an execution of these states to a status."""
    definition = json.dumps({"StartAt": "Failed", "States": states})
    machine = {"name": "$name", "definition": definition, "roleArn": "$role"}
    started = {"stateMachineArn": f"{_ARN}stateMachine:$name", "name": "$name", "input": "{}"}
    return (
        ("stepfunctions.create_state_machine", machine),
        ("stepfunctions.start_execution", started),
        ("kennel.until_execution", {**_EXECUTION, "status": status}),
    )


_FAILED = _run(_FAIL, "FAILED")
_REDRIVEN = (
    *_FAILED,
    ("stepfunctions.redrive_execution", _EXECUTION),
    ("kennel.until_execution", {**_EXECUTION, "status": "FAILED", "redriveCount": 1}),
)

CASES = [
    Case(
        name="a failed execution can be redriven",
        call="stepfunctions.describe_execution",
        request=_EXECUTION,
        expect={"status": "FAILED", "redriveCount": 0, "redriveStatus": "REDRIVABLE"},
        source="botocore: DescribeExecutionOutput",
        before=_FAILED,
    ),
    Case(
        name="a redrive answers with its date",
        call="stepfunctions.redrive_execution",
        request=_EXECUTION,
        expect={"redriveDate": Like(r"20\d\d-.*")},
        source=f"{_API}API_RedriveExecution.html",
        before=_FAILED,
    ),
    Case(
        name="a redrive that begins in a Fail state fails again, under the same ARN",
        call="stepfunctions.describe_execution",
        request=_EXECUTION,
        expect={
            "executionArn": f"{_ARN}execution:$name:$name",
            "status": "FAILED",
            "error": "Broken",
            "cause": "It broke.",
            "redriveCount": 1,
            "redriveDate": Like(r"20\d\d-.*"),
        },
        source=_GUIDE,
        before=_REDRIVEN,
    ),
    Case(
        name="a redrive's events are added to the history that was there",
        call="stepfunctions.get_execution_history",
        request=_EXECUTION,
        expect={
            "events": [
                {"id": 1, "type": "ExecutionStarted"},
                {"id": 2, "type": "FailStateEntered"},
                {"id": 3, "type": "ExecutionFailed"},
                {
                    "id": 4,
                    "type": "ExecutionRedriven",
                    "executionRedrivenEventDetails": {"redriveCount": 1},
                },
                {"id": 5, "type": "FailStateEntered"},
                {"id": 6, "type": "ExecutionFailed"},
            ]
        },
        source=_GUIDE,
        before=_REDRIVEN,
    ),
    Case(
        name="an execution that runs cannot be redriven",
        call="stepfunctions.redrive_execution",
        request=_EXECUTION,
        expect=Refused("ExecutionNotRedrivable", "Execution is RUNNING and cannot be redriven"),
        source="botocore: DescribeExecutionOutput",
        before=_run(_WAIT, "RUNNING"),
    ),
    Case(
        name="nor can one that has succeeded",
        call="stepfunctions.redrive_execution",
        request=_EXECUTION,
        expect=Refused("ExecutionNotRedrivable", "Execution is SUCCEEDED and cannot be redriven"),
        source="botocore: DescribeExecutionOutput",
        before=_run(_SUCCEED, "SUCCEEDED"),
    ),
    Case(
        name="nor one that does not exist",
        call="stepfunctions.redrive_execution",
        request=_EXECUTION,
        expect=Refused("ExecutionDoesNotExist", "Execution Does Not Exist: .*"),
        source=f"{_API}API_RedriveExecution.html",
        before=_FAILED[:1],
    ),
    Case(
        name="an ARN that is none is refused",
        call="stepfunctions.redrive_execution",
        request={"executionArn": "$name"},
        expect=Refused("InvalidArn", "Execution Does Not Exist: .*|Invalid Arn: .*"),
        source=f"{_API}API_RedriveExecution.html",
    ),
    Case(
        name="so is a token that is too long",
        call="stepfunctions.redrive_execution",
        request={**_EXECUTION, "clientToken": "x" * 65},
        expect=Refused("ValidationException", ".*'clientToken'.*less than or equal to 64"),
        source="botocore: RedriveExecutionInput",
    ),
    Case(
        name="a role that may not redrive is refused",
        call="stepfunctions.redrive_execution",
        request=_EXECUTION,
        expect=Refused("AccessDeniedException", ".*states:RedriveExecution.*"),
        source=_GUIDE,
        caller="ClassifyRole",
    ),
]
