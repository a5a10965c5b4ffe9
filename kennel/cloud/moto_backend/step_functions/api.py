"""Answers to the calls of Step Functions about executions, in place of moto's.

https://docs.aws.amazon.com/step-functions/latest/apireference/API_Operations.html
"""

import copy
import json
import re
import threading
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, cast

from moto.core.exceptions import AWSError
from moto.core.responses import ActionResult, EmptyResult
from moto.stepfunctions.exceptions import (
    ExecutionAlreadyExists,
    InvalidExecutionInput,
    InvalidName,
    ValidationException,
)
from moto.stepfunctions.responses import StepFunctionResponse

from kennel.cloud.moto_backend.step_functions.execution import Execution
from kennel.cloud.moto_backend.step_functions.pages import one_page
from kennel.cloud.runtime.service_models import service_model
from kennel.cloud.runtime.validation import broken_constraints

#: White space, brackets, wildcards, special and control characters, surrogates, non-characters.
_NOT_IN_NAMES = re.compile(
    '[\\s<>{}\\[\\]?*"#%\\\\^|~`$&,;:/\x00-\x1f\x7f-\x9f\ufffe\uffff\ud800-\udfff\U0010ffff]'
)
_starting = threading.Lock()  # of one name there is one execution
Json = dict[str, Any]


class StepFunctions(StepFunctionResponse):
    """moto's Step Functions with executions that start, end and are listed as on AWS."""

    def start_execution(self) -> ActionResult:
        """Start an execution, or find the running one of the same name and input."""
        request = self._request("StartExecution")
        name = request.get("name") or str(uuid.uuid4())
        if _NOT_IN_NAMES.search(name):
            raise InvalidName(f"Invalid Name: '{name}'")
        backend = self.stepfunction_backend
        machine: Any = backend.describe_state_machine(request["stateMachineArn"])
        text = request.get("input", "{}")
        try:
            json.loads(text)
        except (ValueError, RecursionError) as error:
            message = f"Invalid State Machine Execution Input: '{error}'"
            raise InvalidExecutionInput(message) from error
        with _starting:
            execution = next((each for each in machine.executions if each.name == name), None)
            if execution is None:
                prefix, _, _ = machine.arn.partition(":stateMachine:")
                execution = Execution(
                    name=name,
                    sm_type=machine.sm_type,
                    role_arn=machine.roleArn,
                    exec_arn=f"{prefix}:execution:{machine.name}:{name}",
                    account_id=backend.account_id,
                    region_name=backend.region_name,
                    state_machine=copy.copy(machine),  # as it is now, whatever updates follow
                    start_date=datetime.now(UTC),
                    cloud_watch_logging_session=None,
                    input_data=text,
                    activity_store={},
                )
                execution.start()
                machine.executions.append(execution)
            elif execution.status != "RUNNING" or execution.execution_input != text:
                raise ExecutionAlreadyExists(f"Execution Already Exists: '{execution.exec_arn}'")
        return ActionResult({"executionArn": execution.exec_arn, "startDate": execution.start_date})

    def stop_execution(self) -> ActionResult:
        """Abort an execution; one that has ended keeps its end."""
        request = self._request("StopExecution")
        execution = self._execution(request)
        execution.stop(datetime.now(UTC), request.get("error"), request.get("cause"))
        return ActionResult({"stopDate": execution.stop_date})

    def describe_execution(self) -> ActionResult:
        """Describe an execution."""
        execution = self._execution(self._request("DescribeExecution"))
        included = {"included": True}
        with execution.history.lock:
            answer = {
                **_summary(execution),
                "input": execution.execution_input,
                "inputDetails": included,
                "output": execution.output,
                "outputDetails": included if execution.output is not None else None,
                "error": execution.error,
                "cause": execution.cause,
            }
        return ActionResult(_without_none(answer))

    def list_executions(self) -> ActionResult:
        """List the executions of a state machine, the newest first."""
        request = self._request("ListExecutions")
        machine: Any = self.stepfunction_backend.describe_state_machine(
            request.get("stateMachineArn", "")
        )
        status = request.get("statusFilter")
        chosen = [_summary(each) for each in tuple(machine.executions)]
        chosen = [each for each in chosen if status in (None, each["status"])]
        page, token = one_page(request, chosen, _newest_first)
        return ActionResult(_without_none({"executions": page, "nextToken": token}))

    def get_execution_history(self) -> ActionResult:
        """List the events of an execution."""
        request = self._request("GetExecutionHistory")
        history = self._execution(request).history
        direction = -1 if request.get("reverseOrder") else 1
        page, token = one_page(request, history.events, lambda event: [direction * event["id"]])
        return ActionResult(_without_none({"events": page, "nextToken": token}))

    def describe_state_machine_for_execution(self) -> ActionResult:
        """Describe the state machine as it was when the execution started."""
        execution = self._execution(self._request("DescribeStateMachineForExecution"))
        machine = execution.state_machine
        return ActionResult(
            {
                "stateMachineArn": machine.arn,
                "name": machine.name,
                "definition": machine.definition,
                "roleArn": machine.roleArn,
                "updateDate": machine.update_date,
                "loggingConfiguration": machine.loggingConfiguration,
                "tracingConfiguration": machine.tracingConfiguration,
                "encryptionConfiguration": machine.encryptionConfiguration,
            }
        )

    def send_task_failure(self) -> ActionResult:
        """Fail a task that waits for its token, with error and cause."""
        request = self._request("SendTaskFailure")
        backend: Any = self.stepfunction_backend
        backend.send_task_failure(request["taskToken"], request.get("error"), request.get("cause"))
        return EmptyResult()

    def redrive_execution(self) -> ActionResult:
        """Refuse, by name, what moto lacks."""
        message = (
            "the offline cloud does not emulate states:RedriveExecution: start a new execution"
        )
        raise AWSError(message, "NotImplementedOffline", 501)

    def _request(self, operation: str) -> Json:
        """Return the call's parameters, which keep to the service's model."""
        request: Json = json.loads(self.body or "{}")
        shape = service_model("stepfunctions").operation_model(operation).input_shape
        if message := broken_constraints(shape, request):
            raise ValidationException(message)
        return request

    def _execution(self, request: Json) -> Execution:
        execution = self.stepfunction_backend.describe_execution(request["executionArn"])
        return cast("Execution", execution)


def _summary(execution: Execution) -> Json:
    with execution.history.lock:  # it may be about to end
        summary = {
            "executionArn": execution.exec_arn,
            "stateMachineArn": execution.state_machine_arn,
            "name": execution.name,
            "status": execution.status,
            "startDate": execution.start_date,
            "stopDate": execution.stop_date,
        }
    return _without_none(summary)


def _newest_first(execution: Json) -> list[Any]:
    latest: Any = execution.get("stopDate", execution["startDate"])
    return [-latest.timestamp(), execution["executionArn"]]


def _without_none(answer: Mapping[str, Any]) -> Json:
    return {name: value for name, value in answer.items() if value is not None}
