"""A Step Functions execution in moto that ends with exactly one final status, as on AWS.

moto leaves it to its interpreter how an execution has ended: a stop, a failure and a time-out that
come together overwrite each other, and after an exception in the interpreter itself the execution
is RUNNING for ever. Here every end comes through `Execution.end`. The first one counts: it writes
the status and the last event of the history together, and then stops the interpreter.
"""

import functools
import logging
import threading
import traceback
from datetime import UTC, datetime
from typing import Any

from moto.stepfunctions.parser.api import ExecutionStatus
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.eval.evaluation_details import EvaluationDetails
from moto.stepfunctions.parser.asl.eval.event.event_manager import EventHistoryContext
from moto.stepfunctions.parser.asl.eval.program_state import ProgramEnded, ProgramError
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser
from moto.stepfunctions.parser.asl.utils.encoding import to_json_str
from moto.stepfunctions.parser.backend import execution as moto_execution
from moto.stepfunctions.parser.backend.execution_worker import ExecutionWorker

from kennel.cloud.moto_backend.step_functions.history import MAX_EVENTS, History

_log = logging.getLogger(__name__)


class Execution(moto_execution.Execution):
    """moto's record of an execution; the arguments are moto's."""

    exec_worker: Any  # moto's types are not those of mypy's strict mode
    state_machine: Any
    output: Any

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.history = History(self._stop_when_full)

    def start(self) -> None:
        """Begin to interpret the definition, in a thread."""
        self.exec_status = ExecutionStatus.RUNNING
        started = {
            "input": self.execution_input,
            "inputDetails": {"truncated": False},
            "roleArn": self.role_arn,
        }
        self.history.add_own("ExecutionStarted", started)
        try:
            self.exec_worker = Worker(self)
            self.exec_worker.start()
        except Exception as error:  # whatever it is, the execution has an end
            self.fail(error)

    def stop(self, stop_date: datetime, error: str | None, cause: str | None) -> None:
        """Abort the execution, unless it has ended; what a task still does has no effect on it."""
        self.end(ExecutionStatus.ABORTED, error=error, cause=cause)

    def fail(self, error: BaseException) -> None:
        """End the execution because the interpreter could not go on."""
        cause = "".join(traceback.format_exception_only(error)).strip()
        if self.end(ExecutionStatus.FAILED, error="States.Runtime", cause=cause):
            _log.error("%s could not go on", self.exec_arn, exc_info=error)

    def end(
        self,
        status: ExecutionStatus,
        context: EventHistoryContext | None = None,
        **details: str | None,
    ) -> bool:
        """Record how the execution has ended; return False if it had ended before.

        Parameters
        ----------
        context
            Names the event before the last one; none for an end that comes from outside.
        details
            `error` and `cause`, or `output`.
        """
        given = {name: value for name, value in details.items() if value is not None}
        with self.history.lock:
            if self.history.has_ended:
                return False
            event = "Execution" + status.value.title().replace("_", "")
            more = {"outputDetails": {"truncated": False}} if "output" in given else {}
            self.history.add_own(event, {**given, **more}, context)
            self.stop_date = datetime.now(UTC)
            self.output = given.get("output")
            if status != ExecutionStatus.TIMED_OUT:  # AWS has its error in the history alone
                self.error, self.cause = given.get("error"), given.get("cause")
            self.exec_status = status
        if self.exec_worker:
            self.exec_worker.env.set_stop(stop_date=self.stop_date, error=None, cause=None)
        return True

    def _stop_when_full(self, context: EventHistoryContext) -> None:
        cause = f"The execution reached the maximum number of history events ({MAX_EVENTS})."
        self.end(ExecutionStatus.FAILED, context, error="States.Runtime", cause=cause)


@functools.lru_cache(maxsize=16)
def _parsed(definition: str) -> Any:
    """Return the program of a definition; what changes while it runs is in the environment."""
    return AmazonStateLanguageParser.parse(definition)[0]


class Worker(ExecutionWorker):
    """Interprets an execution's definition in a thread."""

    env: Any

    def __init__(self, execution: Execution) -> None:
        account: Any = execution._get_start_aws_execution_details()
        account.execution = execution  # all of its environments have this object
        details = EvaluationDetails(
            aws_execution_details=account,
            execution_details=execution.get_start_execution_details(),
            state_machine_details=execution.get_start_state_machine_details(),
        )
        super().__init__(details, _Communication(execution), None, {})
        self._execution = execution
        # Made before the definition is parsed, which takes a while, so that a stop finds it.
        self.env = super()._get_evaluation_environment()
        self.env.event_manager = execution.history
        self.env.next_state_name = ""  # it runs: moto does not hear a stop before
        self.env.set_timed_out = functools.partial(
            execution.end, ExecutionStatus.TIMED_OUT, error="States.Timeout"
        )

    def _get_evaluation_entrypoint(self) -> Any:
        return _parsed(self._evaluation_details.state_machine_details.definition)

    def _get_evaluation_environment(self) -> Any:
        return self.env

    def _execution_logic(self) -> None:
        try:
            super()._execution_logic()  # type: ignore[no-untyped-call]
        except Exception as error:  # whatever it is, the execution has an end
            self._execution.fail(error)


class _Communication(moto_execution.BaseExecutionWorkerCommunication):
    """Called by the interpreter when it has reached the end of the definition."""

    execution: Execution

    def terminated(self) -> None:
        """Record the end, unless it was recorded before the interpreter heard of it."""
        env = self.execution.exec_worker.env
        state = env.program_state()
        if isinstance(state, ProgramEnded):
            output = to_json_str(env.states.get_input(), separators=(",", ":"))
            self.execution.end(ExecutionStatus.SUCCEEDED, env.event_history_context, output=output)
        elif isinstance(state, ProgramError):
            self.execution.end(
                ExecutionStatus.FAILED, env.event_history_context, **(state.error or {})
            )
        else:
            self.execution.fail(RuntimeError(f"the interpreter ended as {type(state).__name__}"))


def end_with_thread(died: threading.ExceptHookArgs) -> None:
    """End the execution whose state was being interpreted by a thread that an exception ended.

    moto interprets each state, branch and iteration in a thread of its own and waits, without a
    limit, to hear from it. For `threading.excepthook`.
    """
    threading.__excepthook__(died)
    for frame, _ in traceback.walk_tb(died.exc_traceback):
        for variable in frame.f_locals.values():
            if isinstance(variable, Environment) and died.exc_value:
                account: Any = variable.aws_execution_details
                account.execution.fail(died.exc_value)
                return
