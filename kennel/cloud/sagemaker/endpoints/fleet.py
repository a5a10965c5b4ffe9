"""Keep the instances of a production variant at a wanted number, and pick one for a request."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

from kennel.cloud.runtime.clock import Clock
from kennel.cloud.runtime.health import Health
from kennel.cloud.sagemaker.endpoints.instance import Instance

#: Instances that start at the same time: each unpacks a package and loads a model.
STARTS_AT_ONCE = 2
#: Seconds between two attempts to replace an instance: offline, and real on top of them.
RETRY_SECONDS, RETRY_REAL_SECONDS = 30.0, 0.5

#: Starts the instance with this number.
Start = Callable[[int], Awaitable[Instance]]


class Fleet:
    """Instances of a variant under one configuration; one that dies or fails pings is replaced.

    Parameters
    ----------
    health
        Records the variant as unwell while instances are missing.
    on_end
        Called once the fleet has ended for good, perhaps twice.

    Attributes
    ----------
    variant, config
        Names of the production variant and of the endpoint configuration.
    instances
        The healthy ones, oldest first.
    wanted
        Desired number of instances.
    active
        Number of instances that take traffic, oldest first; None for all.
    serverless
        Whether instances start with calls, as in `ServerlessFleet`.
    """

    serverless = False

    def __init__(
        self,
        variant: str,
        config: str,
        start: Start,
        clock: Clock,
        *,
        health: Health | None = None,
        on_end: Callable[[], None] = lambda: None,
    ) -> None:
        self.variant = variant
        self.config = config
        self.instances: list[Instance] = []
        self.wanted = 0
        self.active: int | None = None
        self._start = start
        self._clock = clock
        self._health = health or Health()
        self._on_end = on_end
        self._name = f"endpoint configuration {config}, variant {variant}"
        self._started = 0
        self._picks = 0
        self._retiring: set[Instance] = set()
        self._changing = asyncio.Lock()
        self._watching: set[asyncio.Task[None]] = set()

    async def resize(self, count: int) -> None:
        """Start or end instances until `count` run.

        Raises
        ------
        CannotServe
            When an instance does not start; the fleet is then as before.
        """
        before, self.wanted = self.wanted, count
        try:
            await self._reconcile()
        except BaseException:
            self.wanted = before
            raise

    def pick(self) -> Instance | None:
        """Return the least busy instance, of several the least recently picked; None if none."""
        serving = [each for each in self.instances[: self.active] if each.alive]
        chosen = min(serving, key=lambda each: (each.in_flight, each.last_pick), default=None)
        if chosen:
            self._picks += 1
            chosen.last_pick = self._picks
        return chosen

    @contextlib.asynccontextmanager
    async def serving(self, body: bytes) -> AsyncIterator[Instance | None]:
        """Yield the instance that takes a request with this body; None if there is none."""
        yield self.pick()

    async def kill(self) -> None:
        """Kill every instance at once; each is replaced."""
        await asyncio.gather(*(each.kill() for each in self.instances))

    async def stop(self) -> None:
        """End every instance without waiting for open requests."""
        self.wanted = 0
        self._health.well(self._name)
        for task in self._watching:
            task.cancel()
        await asyncio.gather(*self._watching, return_exceptions=True)
        # Kept until they have ended: a cancelled caller may call `stop` again.
        self._retiring |= set(self.instances)
        self.instances = []
        await asyncio.gather(*(self._end(each) for each in tuple(self._retiring)))
        self._on_end()

    async def retire(self) -> None:
        """End every instance once its open requests are answered."""
        await self.resize(0)
        self._on_end()

    async def _reconcile(self) -> None:
        async with self._changing:
            if (missing := self.wanted - len(self.instances)) > 0:
                await self._add(missing)
            if (surplus := len(self.instances) - self.wanted) > 0:
                retired = self.instances[-surplus:]
                del self.instances[-surplus:]
                self._retiring |= set(retired)
                await asyncio.gather(*(self._retire(each) for each in retired))

    async def _add(self, count: int) -> None:
        """Start `count` more instances; when one fails, end the others of this call."""
        limit = asyncio.Semaphore(STARTS_AT_ONCE)

        async def start(number: int) -> Instance:
            async with limit:
                return await self._start(number)

        numbers = range(self._started, self._started + count)
        self._started += count
        starts = [asyncio.ensure_future(start(number)) for number in numbers]
        try:
            self.instances += await asyncio.gather(*starts)
        except BaseException:
            for each in starts:
                each.cancel()
            results = await asyncio.gather(*starts, return_exceptions=True)
            await asyncio.gather(*(each.stop() for each in results if isinstance(each, Instance)))
            raise
        for instance in self.instances[-count:]:
            task = asyncio.ensure_future(self._watch(instance))
            self._watching.add(task)
            task.add_done_callback(self._watching.discard)

    async def _watch(self, instance: Instance) -> None:
        """Replace `instance` when it ends or fails pings, as the service replaces a container."""
        await instance.wait()
        if instance not in self.instances:
            return
        self.instances.remove(instance)
        self._health.unwell(self._name, "an instance has ended; another one starts")
        await self._retire(instance)
        while len(self.instances) < self.wanted:
            try:
                await self._reconcile()
            except Exception as error:
                self._health.unwell(self._name, f"no instance starts: {error}")
                await self._clock.sleep(RETRY_SECONDS)
                await asyncio.sleep(RETRY_REAL_SECONDS)
        self._health.well(self._name)

    async def _retire(self, instance: Instance) -> None:
        """End an instance that takes no more requests, once its open requests are answered."""
        self._retiring.add(instance)
        if instance.alive:
            await instance.drain()
        await self._end(instance)

    async def _end(self, instance: Instance) -> None:
        await instance.stop()
        self._retiring.discard(instance)
