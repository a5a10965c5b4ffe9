"""The type of a case: how to inject a fault, and what the cloud is expected to do."""

from collections.abc import Callable
from dataclasses import dataclass

from fault_injection.cloud import KennelUp
from fault_injection.load import Load

#: Takes the running cloud and the load; returns what was seen, or raises NotAsExpectedError.
Inject = Callable[[KennelUp, Load], str]


@dataclass(frozen=True)
class Case:
    """A fault's name, what the cloud is expected to do, and the function that injects it."""

    fault: str
    expected: str
    inject: Inject


def case(fault: str) -> Callable[[Inject], Case]:
    """Return a decorator that makes a function a case; its docstring says what is expected."""

    def make(inject: Inject) -> Case:
        return Case(fault, str(inject.__doc__).rstrip("."), inject)

    return make
