"""Stop executions of moto's Step Functions at any moment of their lives.

moto's interpreter mishandles StopExecution in three short intervals:

- Until the definition is parsed (half a second for a large one) there is no environment to stop:
  moto answers 500, or stops nothing. `Stop` waits for the first state.
- While a state is evaluated, the interpreter trips over the changed status and records FAILED.
  `_StoppedCommunication` records ABORTED.
- Just before a Wait state begins to wait, the signal that would end it is lost.
  `Stop.accepted` repeats the signal.
"""

import threading
import time
from datetime import UTC, datetime
from typing import Any

from moto.stepfunctions.parser.api import ExecutionStatus
from moto.stepfunctions.parser.asl.eval.program_state import ProgramError
from moto.stepfunctions.parser.backend.execution import BaseExecutionWorkerCommunication

#: Longest wait for an execution's first state.
START_SECONDS = 30.0
#: How long the signal is repeated. A Task that runs on keeps an execution RUNNING for longer.
SIGNAL_SECONDS = 10.0
_POLL_SECONDS = 0.02
_EVENTS_OF_A_START = 2  # ExecutionStarted, and the first state's

#: moto's `parser.backend.execution.Execution`; moto's types are not those of mypy's strict mode.
Execution = Any


class NotStarted(Exception):  # noqa: N818
    """The interpreter has not entered the first state in time."""


class Stop:
    """One call of StopExecution, made before moto handles it.

    Parameters
    ----------
    execution
        Waited for until its first state has begun or it has ended.

    Raises
    ------
    NotStarted
        After `START_SECONDS`.
    """

    def __init__(self, execution: Execution) -> None:
        self._execution = execution
        latest = time.monotonic() + START_SECONDS
        while _is_running(execution) and not _has_entered_a_state(execution):
            if time.monotonic() > latest:
                raise NotStarted(f"{execution.exec_arn} has not started in {START_SECONDS:.0f} s")
            time.sleep(_POLL_SECONDS)
        self._worker = execution.exec_worker
        self._before = self._worker._execution_communication
        self._worker._execution_communication = _StoppedCommunication(execution)

    def refused(self) -> None:
        """Undo what the constructor did: moto has refused the call."""
        self._worker._execution_communication = self._before

    def accepted(self) -> None:
        """Repeat the signal, in a thread, until the execution has ended."""
        threading.Thread(target=self._signal, daemon=True).start()

    def _signal(self) -> None:
        latest = time.monotonic() + SIGNAL_SECONDS
        while _is_running(self._execution) and time.monotonic() < latest:
            _wake(self._worker.env)
            time.sleep(_POLL_SECONDS)


class _StoppedCommunication(BaseExecutionWorkerCommunication):
    """Records the end of an execution that was stopped."""

    def terminated(self) -> None:
        """Record ABORTED where moto's interpreter failed over being stopped."""
        env: Any = self.execution.exec_worker.env  # type: ignore[union-attr]
        if isinstance(env.program_state(), ProgramError):
            self.execution.stop_date = datetime.now(UTC)
            self.execution.exec_status = ExecutionStatus.ABORTED
        else:
            super().terminated()


def _is_running(execution: Execution) -> bool:
    return bool(execution.exec_status == ExecutionStatus.RUNNING)


def _has_entered_a_state(execution: Execution) -> bool:
    env = execution.exec_worker and execution.exec_worker.env
    if env is None:
        return False
    return len(env.event_manager.get_event_history()) >= _EVENTS_OF_A_START


def _wake(env: Any) -> None:
    """Wake what waits in an environment and in those of its Parallel and Map states."""
    env.program_state_event.set()
    env.program_state_event.clear()
    for frame in tuple(env._frames):
        _wake(frame)
