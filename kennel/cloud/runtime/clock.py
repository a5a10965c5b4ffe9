"""The offline cloud's clock, which can run faster than the wall clock and skip ahead of it.

Whatever AWS measures in minutes (alarm periods, bake times, cooldowns, schedules, the longest run
of a job) is waited for on this clock, so that a test or a demonstration need not wait for it.
"""

import asyncio
import time
from collections.abc import Awaitable
from typing import TypeVar

T = TypeVar("T")
_LATEST = 32503680000.0  # the year 3000, in Unix seconds; datetime ends with the year 9999


class Clock:
    """Offline time; safe to read, to speed up and to skip from any thread.

    Parameters
    ----------
    speed
        Offline seconds that pass in one real second; 0 stands still but for `skip`.
    """

    def __init__(self, speed: float = 1.0) -> None:
        self._speed = _checked(speed)
        self._offline = time.time()
        self._real = time.monotonic()
        self._sleepers: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = set()

    @property
    def speed(self) -> float:
        """Offline seconds in a real second; may be set while callers sleep."""
        return self._speed

    @speed.setter
    def speed(self, speed: float) -> None:
        checked = _checked(speed)
        self._set(self.now(), checked)

    def now(self) -> float:
        """Return the offline time in Unix seconds."""
        return self._offline + (time.monotonic() - self._real) * self._speed

    def skip(self, seconds: float) -> None:
        """Jump ahead by offline seconds and wake the sleepers whose time has passed.

        Raises
        ------
        ValueError
            For a jump backwards, or beyond the year 3000.
        """
        if not 0 <= seconds <= _LATEST - self.now():
            raise ValueError(
                f"the clock cannot skip {seconds} s: expected 0 or more, and no year after 3000"
            )
        self._set(self.now() + seconds, self._speed)

    async def sleep(self, seconds: float) -> None:
        """Sleep for offline seconds."""
        await self.sleep_until(self.now() + seconds)

    async def sleep_until(self, moment: float) -> None:
        """Sleep until the offline time `moment` (Unix seconds)."""
        changed = asyncio.Event()
        sleeper = (asyncio.get_running_loop(), changed)
        self._sleepers.add(sleeper)
        try:
            while (left := moment - self.now()) > 0:
                changed.clear()
                try:
                    real = left / self._speed if self._speed else None
                    await asyncio.wait_for(changed.wait(), real)
                except TimeoutError:
                    pass
            await asyncio.sleep(0)  # a sleep that is over already lets others run, too
        finally:
            self._sleepers.discard(sleeper)

    async def wait_for(self, work: Awaitable[T], seconds: float) -> T:
        """Await `work` for at most offline seconds, else cancel it.

        Raises
        ------
        TimeoutError
            When the time is over first.
        """
        working, over = asyncio.ensure_future(work), asyncio.ensure_future(self.sleep(seconds))
        try:
            await asyncio.wait({working, over}, return_when=asyncio.FIRST_COMPLETED)
            if not working.done():
                raise TimeoutError
            return working.result()
        finally:
            working.cancel()
            over.cancel()
            await asyncio.gather(working, over, return_exceptions=True)

    def _set(self, offline: float, speed: float) -> None:
        self._offline, self._real, self._speed = offline, time.monotonic(), speed
        for loop, changed in tuple(self._sleepers):
            if not loop.is_closed():
                loop.call_soon_threadsafe(changed.set)


def _checked(speed: float) -> float:
    if not 0 <= speed <= 1e6:  # noqa: PLR2004 - beyond a million an hour passes within one wake-up
        raise ValueError(f"the clock's speed is {speed}: expected 0 (standing) to 1000000")
    return float(speed)
