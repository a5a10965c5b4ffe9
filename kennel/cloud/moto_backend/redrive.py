"""RedriveExecution, which moto's Step Functions lacks: one more attempt in moto's interpreter.

Imitated after https://docs.aws.amazon.com/step-functions/latest/dg/redrive-executions.html: the
execution keeps its ARN, definition and history, and goes on with the state that did not end well,
with the input which that state had. A Fail state is such a state: it is entered again, and fails
again. What AWS does inside a Parallel or Map state is not imitated, nor that a redrive is only
possible for 14 days.
"""

import json
import threading
import weakref
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from moto.stepfunctions.parser.api import ExecutionStatus, HistoryEventType
from moto.stepfunctions.parser.asl.eval.evaluation_details import (
    AWSExecutionDetails,
    EvaluationDetails,
)
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser
from moto.stepfunctions.parser.backend.execution import BaseExecutionWorkerCommunication
from moto.stepfunctions.parser.backend.execution_worker import ExecutionWorker

#: moto's `parser.backend.execution.Execution`; moto's types are not those of mypy's strict mode.
Execution = Any

#: An execution keeps 25,000 events; a redrive needs room for its own and one more.
MOST_EVENTS = 24_999
_TOKENS = 10  # that are remembered, each for so long
_TOKEN_AGE = timedelta(minutes=15)
_ENDS = {
    HistoryEventType.ExecutionFailed,
    HistoryEventType.ExecutionAborted,
    HistoryEventType.ExecutionTimedOut,
}


class NotRedrivable(Exception):  # noqa: N818
    """AWS refuses the redrive, for this reason."""


class NotImitated(Exception):  # noqa: N818
    """AWS would redrive it in a way that is not imitated here."""


@dataclass
class Redriven:
    """How often an execution was redriven, and when last."""

    count: int = 0
    date: datetime | None = None
    tokens: deque[tuple[str, datetime]] = field(default_factory=lambda: deque(maxlen=_TOKENS))


class Redrives:
    """The redrives of all executions in this process's moto."""

    def __init__(self) -> None:
        self._known: weakref.WeakKeyDictionary[Any, Redriven] = weakref.WeakKeyDictionary()
        self._lock = threading.Lock()

    def of(self, execution: Execution) -> Redriven:
        """Return what is known of an execution."""
        return self._known.setdefault(execution, Redriven())

    def redrive(self, execution: Execution, token: str | None) -> datetime:
        """Start another attempt, and return when; a token that was used returns what it did.

        Raises
        ------
        NotRedrivable, NotImitated
            And nothing was changed.
        """
        now = datetime.now(UTC)
        with self._lock:
            redriven = self.of(execution)
            for used, date in redriven.tokens:
                if used == token and now - date < _TOKEN_AGE:
                    return date
            if reason := not_redrivable(execution):
                raise NotRedrivable(reason)
            state, given = _unsuccessful(execution)
            attempt: Any = _Attempt(execution, state, given, redriven.count + 1, now)
            redriven.count, redriven.date = redriven.count + 1, now
            if token:
                redriven.tokens.append((token, now))
            execution.error = execution.cause = execution.output = execution.stop_date = None
            execution.exec_worker = attempt
            execution.exec_status = ExecutionStatus.RUNNING
            attempt.start()
        return now


def not_redrivable(execution: Execution) -> str:
    """Return AWS's reason why an execution cannot be redriven; empty when it can."""
    events = execution.to_history_output()["events"]
    if execution.status == ExecutionStatus.SUCCEEDED:
        return "Execution is SUCCEEDED and cannot be redriven"
    # After a time-out the interpreter ends the state it is in before it writes the last event.
    if execution.status == ExecutionStatus.RUNNING or events[-1]["type"] not in _ENDS:
        return "Execution is RUNNING and cannot be redriven"
    if len(events) >= MOST_EVENTS:
        return "Execution history event limit exceeded"
    return ""


def _unsuccessful(execution: Execution) -> tuple[str, Any]:
    """Return the state that was entered last, and its input."""
    definition = json.loads(execution.state_machine.definition)
    for event in reversed(execution.to_history_output()["events"]):
        entered = event.get("stateEnteredEventDetails")
        if entered and entered["name"] in definition["States"]:
            name = entered["name"]
            if definition["States"][name]["Type"] in {"Map", "Parallel"}:
                raise NotImitated(
                    f"the offline cloud does not redrive within {name}, a Map or Parallel state"
                )
            return name, json.loads(entered["input"])
    return definition["StartAt"], execution.input_data


class _Attempt(ExecutionWorker):
    """moto's worker, which begins in another state and goes on with the same history."""

    def __init__(
        self, execution: Execution, state: str, given: Any, count: int, now: datetime
    ) -> None:
        former = execution.exec_worker.env
        super().__init__(
            EvaluationDetails(
                AWSExecutionDetails(
                    execution.account_id, execution.region_name, execution.role_arn
                ),
                execution.get_start_execution_details(),
                execution.get_start_state_machine_details(),
            ),
            BaseExecutionWorkerCommunication(execution),
            former.cloud_watch_logging_session,
            former.activity_store,
        )
        definition = {**json.loads(execution.state_machine.definition), "StartAt": state}
        self._program = AmazonStateLanguageParser.parse(json.dumps(definition))[0]
        env: Any = self._get_evaluation_environment()
        self.env = env
        env.event_manager = former.event_manager
        env.variable_store = former.variable_store
        env.event_history_context.source_event_id = former.event_history_context.source_event_id
        context = env.states.context_object.context_object_data["Execution"]
        context |= {"RedriveCount": count, "RedriveTime": now.isoformat()}
        env.states.reset(given)
        env.event_manager.add_event(
            context=env.event_history_context,
            event_type=HistoryEventType.ExecutionRedriven,
            event_details={"executionRedrivenEventDetails": {"redriveCount": count}},
        )

    def _execution_logic(self) -> None:
        self._program.eval(self.env)  # type: ignore[arg-type]  # it was made above
        self._execution_communication.terminated()
