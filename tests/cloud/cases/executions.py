"""Step Functions: executions that start, stop and are listed; the redrive is not emulated."""

import json

from tests.cloud.conformance_case import GITHUB, Absent, Case, Like, Refused, Request

_API = "https://docs.aws.amazon.com/step-functions/latest/apireference/"
_ARN = "arn:aws:states:us-east-1:123456789012:"
_MACHINE = {"stateMachineArn": f"{_ARN}stateMachine:$name"}
_EXECUTION = {"executionArn": f"{_ARN}execution:$name:$name"}
_WAIT = {"Waiting": {"Type": "Wait", "Seconds": 600, "End": True}}
_REASON = {"error": "Person", "cause": "No more."}
_START = {**_MACHINE, "name": "$name", "input": "{}"}

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
        _START,
    ),
)
_STOPPED = (*_STARTED, ("stepfunctions.stop_execution", {**_EXECUTION, **_REASON}))

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
        name="error and cause of a stop are described",
        call="stepfunctions.describe_execution",
        request=_EXECUTION,
        expect={"status": "ABORTED", **_REASON},
        source=f"{_API}API_StopExecution.html",
        before=_STOPPED,
    ),
    Case(
        name="without error and cause none is described",
        call="stepfunctions.describe_execution",
        request=_EXECUTION,
        expect={"error": Absent(), "cause": Absent()},
        source=f"{GITHUB}floci-io/floci/issues/2965",
        before=(*_STARTED, ("stepfunctions.stop_execution", _EXECUTION)),
    ),
    Case(
        name="the last event of a stopped execution",
        call="stepfunctions.get_execution_history",
        request={**_EXECUTION, "reverseOrder": True, "maxResults": 1},
        expect={"events": [{"type": "ExecutionAborted", "executionAbortedEventDetails": _REASON}]},
        source=f"{_API}API_GetExecutionHistory.html",
        before=_STOPPED,
    ),
    Case(
        name="a stopped execution is listed",
        call="stepfunctions.list_executions",
        request={**_MACHINE, "statusFilter": "ABORTED"},
        expect={
            "executions": [
                {**_EXECUTION, **_MACHINE, "name": "$name", "stopDate": Like(r"20\d\d-.*")}
            ]
        },
        source=f"{_API}API_ListExecutions.html",
        before=_STOPPED,
    ),
    Case(
        name="executions of an unknown state machine",
        call="stepfunctions.list_executions",
        request=_MACHINE,
        expect=Refused("StateMachineDoesNotExist", ".*stateMachine:$name.*"),
        source=f"{_API}API_ListExecutions.html",
    ),
    Case(
        name="an execution has a UUID for a name that was not given",
        call="stepfunctions.start_execution",
        request=_MACHINE,
        expect={"executionArn": Like(rf"{_ARN}execution:.+:[0-9a-f]{{8}}(-[0-9a-f]+){{4}}")},
        source=f"{_API}API_StartExecution.html",
        before=_STARTED,
    ),
    Case(
        name="the same start of a running execution",
        call="stepfunctions.start_execution",
        request=_START,
        expect=_EXECUTION,
        source=f"{_API}API_StartExecution.html",
        before=_STARTED,
    ),
    Case(
        name="another input for a running execution",
        call="stepfunctions.start_execution",
        request={**_START, "input": '{"another": 1}'},
        expect=Refused("ExecutionAlreadyExists", ".*execution:$name:$name.*"),
        source=f"{_API}API_StartExecution.html",
        before=_STARTED,
    ),
    Case(
        name="the same start of an execution that has ended",
        call="stepfunctions.start_execution",
        request=_START,
        expect=Refused("ExecutionAlreadyExists", ".*execution:$name:$name.*"),
        source=f"{_API}API_StartExecution.html",
        before=_STOPPED,
    ),
    Case(
        name="a name with white space",
        call="stepfunctions.start_execution",
        request={**_START, "name": "two words"},
        expect=Refused("InvalidName", ".*two words.*"),
        source=f"{_API}API_StartExecution.html",
        before=_STARTED,
    ),
    Case(
        name="a name of 81 characters",
        call="stepfunctions.start_execution",
        request={**_START, "name": "x" * 81},
        expect=Refused("ValidationException", ".*'name'.*less than or equal to 80"),
        source="botocore: StartExecutionInput",
        before=_STARTED,
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
