"""The instances of one variant under one configuration, and which of them gets a request."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from kennel.cloud.runtime.clock import Clock
from kennel.cloud.sagemaker.endpoints.instance import CannotServe, Instance

#: Instances that start at the same time: each unpacks a package and loads a model.
STARTS_AT_ONCE = 2
#: Offline seconds, and real ones at least, between two tries to replace an instance.
RETRY_SECONDS, RETRY_REAL_SECONDS = 30.0, 0.5

#: Starts the instance with this number.
Start = Callable[[int], Awaitable[Instance]]


class Fleet:
    """Serving processes, kept at a wanted number: one that dies is replaced.

    Attributes
    ----------
    variant, config
        Whose they are.
    instances
        Those that are healthy, oldest first.
    wanted
        How many there are to be.
    active
        How many of them take traffic, from the oldest on; None for all.
    """

    def __init__(self, variant: str, config: str, start: Start, clock: Clock) -> None:
        self.variant = variant
        self.config = config
        self.instances: list[Instance] = []
        self.wanted = 0
        self.active: int | None = None
        self._start = start
        self._clock = clock
        self._started = 0
        self._picks = 0
        self._leaving: set[Instance] = set()
        self._changing = asyncio.Lock()
        self._watching: set[asyncio.Task[None]] = set()

    async def resize(self, count: int) -> None:
        """Start or end instances until there are `count`.

        Raises
        ------
        CannotServe
            When an instance does not come up; the fleet is then as it was.
        """
        before, self.wanted = self.wanted, count
        try:
            await self._settle()
        except BaseException:
            self.wanted = before
            raise

    def pick(self) -> Instance | None:
        """Return the next in turn of the least busy instances; None when there is none."""
        serving = [each for each in self.instances[: self.active] if each.alive]
        chosen = min(serving, key=lambda each: (each.in_flight, each.picked), default=None)
        if chosen:
            self._picks += 1
            chosen.picked = self._picks
        return chosen

    async def kill(self) -> None:
        """Lose every instance at once; they are replaced."""
        await asyncio.gather(*(each.kill() for each in self.instances))

    async def stop(self) -> None:
        """End every instance, without waiting for its requests."""
        self.wanted = 0
        for task in self._watching:
            task.cancel()
        await asyncio.gather(*self._watching, return_exceptions=True)
        # Remembered until they have ended: who calls this may be cancelled, and call it again.
        self._leaving |= set(self.instances)
        self.instances = []
        await asyncio.gather(*(self._end(each) for each in tuple(self._leaving)))

    async def retire(self) -> None:
        """End every instance once it has answered what it was given."""
        await self.resize(0)

    async def _settle(self) -> None:
        async with self._changing:
            if (missing := self.wanted - len(self.instances)) > 0:
                await self._add(missing)
            if (surplus := len(self.instances) - self.wanted) > 0:
                gone = self.instances[-surplus:]
                del self.instances[-surplus:]
                self._leaving |= set(gone)
                await asyncio.gather(*(self._retire(each) for each in gone))

    async def _add(self, count: int) -> None:
        """Start `count` more; when one fails, end those that came up with it."""
        few = asyncio.Semaphore(STARTS_AT_ONCE)

        async def start(number: int) -> Instance:
            async with few:
                return await self._start(number)

        numbers = range(self._started, self._started + count)
        self._started += count
        starts = [asyncio.ensure_future(start(number)) for number in numbers]
        try:
            self.instances += await asyncio.gather(*starts)
        except BaseException:
            for each in starts:
                each.cancel()
            done = await asyncio.gather(*starts, return_exceptions=True)
            await asyncio.gather(*(each.stop() for each in done if isinstance(each, Instance)))
            raise
        for instance in self.instances[-count:]:
            task = asyncio.ensure_future(self._watch(instance))
            self._watching.add(task)
            task.add_done_callback(self._watching.discard)

    async def _watch(self, instance: Instance) -> None:
        """Replace `instance` when it ends by itself, as the service restarts a container."""
        await instance.ended()
        if instance not in self.instances:
            return
        self.instances.remove(instance)
        await self._retire(instance)
        while len(self.instances) < self.wanted:
            with contextlib.suppress(CannotServe):  # its log has the reason; it is tried again
                await self._settle()
                return
            await self._clock.sleep(RETRY_SECONDS)
            await asyncio.sleep(RETRY_REAL_SECONDS)

    async def _retire(self, instance: Instance) -> None:
        """End an instance that takes no more requests, once it has answered those it has."""
        self._leaving.add(instance)
        if instance.alive:
            await instance.drain()
        await self._end(instance)

    async def _end(self, instance: Instance) -> None:
        await instance.stop()
        self._leaving.discard(instance)


class Turns:
    """Shares requests out by weight, evenly in time (smooth weighted round robin).

    The service draws lots. Taking turns gives the same shares, and a test of ten requests a
    result that is certain.
    """

    def __init__(self) -> None:
        self._credit: dict[int, float] = {}

    def choose(self, fleets: list[tuple[Fleet, float]]) -> Fleet | None:
        """Return the fleet whose turn it is, of (fleet, weight above 0); None without any."""
        weighted = [(fleet, weight) for fleet, weight in fleets if weight > 0]
        if not weighted:
            return None
        self._credit = {
            id(fleet): self._credit.get(id(fleet), 0.0) + weight for fleet, weight in weighted
        }
        chosen, _ = max(weighted, key=lambda pair: self._credit[id(pair[0])])
        self._credit[id(chosen)] -= sum(weight for _, weight in weighted)
        return chosen
