"""Step Functions: executions that are stopped, and the redrive that is not emulated."""

import json

from tests.cloud.conformance_case import Case, Like, Refused, Request

_API = "https://docs.aws.amazon.com/step-functions/latest/apireference/"
_ARN = "arn:aws:states:us-east-1:123456789012:"
_EXECUTION = {"executionArn": f"{_ARN}execution:$name:$name"}
_WAIT = {"Waiting": {"Type": "Wait", "Seconds": 600, "End": True}}

#: An execution that has only just begun.
_STARTED: tuple[tuple[str, Request], ...] = (
    (
        "stepfunctions.create_state_machine",
        {
            "name": "$name",
            "definition": json.dumps({"StartAt": "Waiting", "States": _WAIT}),
            "roleArn": "$role",
        },
    ),
    (
        "stepfunctions.start_execution",
        {"stateMachineArn": f"{_ARN}stateMachine:$name", "name": "$name", "input": "{}"},
    ),
)

CASES = [
    Case(
        name="an execution that is stopped at once answers with its date",
        call="stepfunctions.stop_execution",
        request=_EXECUTION,
        expect={"stopDate": Like(r"20\d\d-.*")},
        source=f"{_API}API_StopExecution.html",
        before=_STARTED,
    ),
    Case(
        name="and ends ABORTED",
        call="stepfunctions.describe_execution",
        request=_EXECUTION,
        expect={"status": "ABORTED", "stopDate": Like(r"20\d\d-.*")},
        source=f"{_API}API_DescribeExecution.html",
        before=(*_STARTED, ("stepfunctions.stop_execution", _EXECUTION)),
    ),
    Case(
        name="a redrive is not emulated, and says so",
        call="stepfunctions.redrive_execution",
        request=_EXECUTION,
        expect=Refused("NotImplementedOffline", ".*emulate.*RedriveExecution.*", 501),
        source=f"{_API}API_RedriveExecution.html",
    ),
    Case(
        name="a role that may not redrive is refused",
        call="stepfunctions.redrive_execution",
        request=_EXECUTION,
        expect=Refused("AccessDeniedException", ".*states:RedriveExecution.*"),
        source="https://docs.aws.amazon.com/step-functions/latest/dg/redrive-executions.html",
        caller="ClassifyRole",
    ),
]
