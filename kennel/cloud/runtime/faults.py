"""Faults on request: the next job fails, hangs or finds no capacity; a call is throttled.

A fault waits until a call takes it. It is given as JSON, in a file that is read at the start or
by `POST /kennel/faults`:

    {"on": "CreateTrainingJob", "how": "fail", "reason": "AlgorithmError: tried", "times": 1}
"""

import fnmatch
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from kennel.errors import KennelError

#: How a fault works -> what it does.
HOWS = {
    "fail": "the job or endpoint fails with the reason",
    "hang": "the job or invocation does not go on, until it is stopped or its time is over",
    "capacity": "no instance can be had",
    "throttle": "the call is refused with a ThrottlingException",
    "lose": "the endpoint's instances are gone",
}


@dataclass
class Fault:
    """One fault.

    Attributes
    ----------
    on
        The API action, such as CreateTrainingJob or InvokeEndpoint.
    how
        One of HOWS.
    reason
        The reason that a failure gives; empty for the service's own.
    times
        How many calls it affects.
    name
        The resource's name, or a pattern with * for many.
    """

    on: str
    how: str
    reason: str = ""
    times: int = 1
    name: str = "*"

    @classmethod
    def read(cls, value: Mapping[str, Any]) -> "Fault":
        """Return the fault that JSON describes; raises KennelError for any other JSON."""
        members = {each.name for each in fields(cls)}
        expected = f"expected a JSON object with on, how ({', '.join(HOWS)}), reason, times, name"
        if not isinstance(value, Mapping) or not {"on", "how"} <= set(value) <= members:
            raise KennelError(f"received the fault {value!r}, {expected}")
        fault = cls(**value)
        texts = (fault.on, fault.how, fault.reason, fault.name)
        is_typed = all(isinstance(each, str) for each in texts) and type(fault.times) is int
        if not is_typed or fault.how not in HOWS or fault.times < 1:
            raise KennelError(f"received the fault {value!r}, {expected}")
        return fault


class Faults:
    """The faults that wait for a call."""

    def __init__(self, faults: Iterable[Fault] = ()) -> None:
        self._waiting = list(faults)

    def add(self, fault: Fault) -> None:
        """Add a fault that waits for its calls."""
        self._waiting.append(fault)

    def take(self, operation: str, name: str = "", how: str | None = None) -> Fault | None:
        """Return the oldest fault for this call, used up once; None when there is none.

        Parameters
        ----------
        operation, name
            The API action, and the resource that it is about.
        how
            Only a fault of this kind.
        """
        for fault in self._waiting:
            fits = fault.on == operation and fnmatch.fnmatchcase(name, fault.name)
            if fits and how in {None, fault.how}:
                fault.times -= 1
                if fault.times <= 0:
                    self._waiting.remove(fault)
                return fault
        return None

    def waiting(self) -> list[dict[str, Any]]:
        """Return the faults that wait, as JSON."""
        return [asdict(each) for each in self._waiting]

    def clear(self) -> None:
        """Drop all faults that wait."""
        self._waiting.clear()
