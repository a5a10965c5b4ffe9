"""The history of an execution in moto's interpreter."""

import threading
from collections.abc import Callable, Mapping
from typing import Any

from moto.stepfunctions.parser.api import HistoryEventType
from moto.stepfunctions.parser.asl.eval.event.event_manager import EventHistoryContext, EventManager

#: https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
MAX_EVENTS = 25_000

_LAST = {"ExecutionSucceeded", "ExecutionFailed", "ExecutionAborted", "ExecutionTimedOut"}


class History(EventManager):
    """moto's list of events, which has one first and one last event, whatever moto does.

    Parameters
    ----------
    on_full
        Called when only the last event has room.
    """

    def __init__(self, on_full: Callable[[EventHistoryContext], object]) -> None:
        super().__init__()
        self.lock = threading.RLock()
        self.has_ended = False
        self._on_full = on_full

    @property
    def events(self) -> list[Any]:
        """The events so far, without moto's deep copy: an event does not change any more."""
        return list(self._history_event_list)

    def add_event(
        self, context: EventHistoryContext, event_type: HistoryEventType, *details: Any, **more: Any
    ) -> int:
        """Add an event of the interpreter, unless it is a first or last one or comes too late."""
        with self.lock:
            # moto also adds ExecutionFailed for a Parallel state whose failure is then caught.
            if self.has_ended or event_type == "ExecutionStarted" or event_type in _LAST:
                return int(context.last_published_event_id)
            number = int(super().add_event(context, event_type, *details, **more))
            if number == MAX_EVENTS - 1:
                self._on_full(context)
            return number

    def add_own(
        self,
        event_type: str,
        details: Mapping[str, Any],
        context: EventHistoryContext | None = None,
    ) -> None:
        """Add the first or the last event.

        Parameters
        ----------
        details
            The member of the event that has them. Its name follows from the event's type.
        context
            Names the event before this one.
        """
        with self.lock:
            self.has_ended = event_type in _LAST
            member = {f"{event_type[0].lower()}{event_type[1:]}EventDetails": dict(details)}
            context = context or EventHistoryContext.of_program_start()
            super().add_event(context, HistoryEventType(event_type), member)  # type: ignore[arg-type]
