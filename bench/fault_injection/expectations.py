"""What a case expects to see, and waits for."""

import time
from collections.abc import Callable

WAIT_SECONDS = 300.0  # for anything, on a machine that may be busy


class NotAsExpectedError(Exception):
    """The cloud did something else than expected; the message says what."""


def expect(condition: object, otherwise: str) -> None:
    """Raise NotAsExpectedError, with what was seen, unless the condition holds."""
    if not condition:
        raise NotAsExpectedError(otherwise)


def wait_until(true: Callable[[], object], expected: str, seconds: float = WAIT_SECONDS) -> None:
    """Poll a condition until it is true; raise NotAsExpectedError after `seconds`."""
    latest = time.monotonic() + seconds
    while not true():
        expect(time.monotonic() < latest, f"no {expected} within {seconds:.0f} s")
        time.sleep(0.05)
