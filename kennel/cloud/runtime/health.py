"""Record which parts of the offline cloud are unhealthy, and restart failed background loops."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0  # real seconds before a loop restarts; doubled in between
STABLE_SECONDS = 10.0  # a loop that has run for this long is well

_log = logging.getLogger(__name__)


class Health:
    """The unhealthy parts of the offline cloud: each with its reason and since when.

    Parameters
    ----------
    report
        Called with a line when a part becomes unwell, and when it is well again.
    """

    def __init__(self, report: Callable[[str], None] = _log.warning) -> None:
        self._report = report
        self._unwell: dict[str, tuple[str, float]] = {}

    def unwell(self, name: str, reason: str) -> None:
        """Record that a part is unhealthy; only the first call of several is reported."""
        if name not in self._unwell:
            self._report(f"not well: {name}: {reason}")
        _, since = self._unwell.get(name, ("", time.time()))
        self._unwell[name] = (reason, since)

    def well(self, name: str) -> None:
        """Record that a part is healthy."""
        if name in self._unwell:
            _, since = self._unwell.pop(name)
            self._report(f"well again: {name}, after {time.time() - since:.0f} s")

    def describe(self) -> dict[str, Any]:
        """Return `{"ok": true, "not_well": {}}`, or the unhealthy parts by name."""
        parts = {
            name: {"reason": reason, "since": datetime.fromtimestamp(since, UTC).isoformat()}
            for name, (reason, since) in self._unwell.items()
        }
        return {"ok": not parts, "not_well": parts}


async def keep_running(
    name: str,
    work: Callable[[], Awaitable[None]],
    health: Health,
    *,
    stable_seconds: float = STABLE_SECONDS,
    first_pause: float = FIRST_PAUSE,
) -> None:
    """Run a background loop until it returns; one that fails is restarted after a pause.

    The pause doubles with each failure up to `LONGEST_PAUSE`, and is short again once the loop has
    run for `stable_seconds`.
    """
    pause = first_pause

    def is_stable() -> None:
        nonlocal pause
        pause = first_pause
        health.well(name)

    while True:
        stable = asyncio.get_running_loop().call_later(stable_seconds, is_stable)
        try:
            await work()
        except Exception as error:
            health.unwell(name, f"{type(error).__name__}: {error}; it is started again")
        else:
            health.well(name)
            return
        finally:
            stable.cancel()
        await asyncio.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)
