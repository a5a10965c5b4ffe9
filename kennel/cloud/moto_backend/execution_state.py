"""Store the executions of moto's Step Functions with their history, as they happen.

An execution that ran when the cloud ended is ABORTED after the next start: no interpreter goes on
with it.
"""

from typing import Any

from moto.stepfunctions.parser.api import ExecutionStatus
from moto.stepfunctions.parser.models import stepfunctions_parser_backends

from kennel.cloud.cloudformation.names import ACCOUNT, REGION
from kennel.cloud.moto_backend.pickling import dump, load
from kennel.cloud.moto_backend.step_functions.execution import Execution, Worker
from kennel.cloud.runtime.rows import Rows
from kennel.cloud.state import INTERRUPTED

_EXECUTION, _EVENT = "execution", "execution-event"

_CAUSE = "the offline cloud ended while the execution ran"


class ExecutionState:
    """Executions in rows: one for each execution, and one for each event of its history."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        #: Status and number of events as stored, by ARN.
        self._stored: dict[str, tuple[Any, int]] = {}
        #: Stored executions whose state machine does not exist yet, by its ARN.
        self._waiting: dict[str, list[Execution]] = {}
        self._events: dict[str, list[Any]] = {}

    def load(self) -> None:
        """Read the stored executions: each appears with its state machine."""
        for name, row in self._rows.all(_EVENT):
            self._events.setdefault(name.rpartition(" ")[0], []).append(load(row))
        for _, row in self._rows.all(_EXECUTION):
            execution = load(row)
            self._waiting.setdefault(execution.state_machine_arn, []).append(execution)

    def save(self) -> None:
        """Store what has happened since the last call; raises NotStored."""
        backend = stepfunctions_parser_backends[ACCOUNT][REGION]
        machines: list[Any] = list(backend.state_machines)
        for machine in machines:
            for execution in self._waiting.pop(machine.arn, []):
                self._revive(execution)
                machine.executions.append(execution)
        executions: dict[str, Execution] = {
            execution.exec_arn: execution
            for machine in machines
            for execution in tuple(machine.executions)
        }
        with self._rows.transaction():
            stored = {arn: self._save_execution(arn, each) for arn, each in executions.items()}
            for arn in self._stored.keys() - stored.keys():  # deleted with their state machine
                self._delete(arn)
        self._stored = stored

    def _revive(self, execution: Execution) -> None:
        """Give an execution the parts that are not stored; end it if it was running."""
        events = self._events.pop(execution.exec_arn, [])
        execution.history._history_event_list.extend(events)
        execution.history._event_id_gen._next_id = len(events) + 1
        execution.exec_worker = Worker(execution)  # never started
        self._stored[execution.exec_arn] = (execution.exec_status, len(events))
        execution.end(ExecutionStatus.ABORTED, error=INTERRUPTED, cause=_CAUSE)

    def _save_execution(self, arn: str, execution: Execution) -> tuple[Any, int]:
        with execution.history.lock:  # it may be about to end
            status, events = execution.exec_status, execution.history.events
        before, stored = self._stored.get(arn, (None, 0))
        for number in range(stored, len(events)):
            self._rows.put(_EVENT, _event_name(arn, number), dump(events[number]))
        if status != before:
            self._rows.put(_EXECUTION, arn, dump(execution))
        return status, len(events)

    def _delete(self, arn: str) -> None:
        _, count = self._stored[arn]
        for number in range(count):
            self._rows.delete(_EVENT, _event_name(arn, number))
        self._rows.delete(_EXECUTION, arn)


def _event_name(arn: str, number: int) -> str:
    return f"{arn} {number}"
