"""Run Lambda functions by name or ARN; functions are added and removed at any time."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from kennel.cloud.awslambda.emulator import Outcome
from kennel.cloud.awslambda.environments import Environments, Throttled
from kennel.cloud.awslambda.function_config import FunctionConfig
from kennel.cloud.cloudwatch.metrics import Metrics
from kennel.cloud.runtime.clock import Clock

#: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
REQUEST_BYTES = 6 * 2**20

#: Seconds between two looks for idle environments: offline, and real ones on top of them.
_IDLE_CHECK_SECONDS, _IDLE_CHECK_REAL_SECONDS = 30.0, 1.0


class RequestTooLarge(Exception):  # noqa: N818
    """The payload is larger than Lambda takes (413 RequestTooLargeException)."""


class NoSuchFunction(Exception):  # noqa: N818
    """There is no function of this name."""


async def _nothing(name: str) -> None:
    pass


class LambdaService:
    """Runs all functions, by name or ARN; they are added and removed while it runs.

    Parameters
    ----------
    metrics
        Counts invocations; None counts none.

    Attributes
    ----------
    configs
        The current configuration of each function, by name.
    assume_role
        Called with the name of a function whose role could not be assumed, before it is used:
        the role may exist by now.
    """

    def __init__(
        self,
        aws_url: str,
        logs: Path,
        metrics: Metrics | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._clock = clock or Clock()
        self._metrics = metrics
        self._aws_url = aws_url
        self._logs = logs
        self.configs: dict[str, FunctionConfig] = {}
        self.assume_role: Callable[[str], Awaitable[None]] = _nothing
        self._environments: dict[str, Environments] = {}

    async def invoke(self, function: str, payload: bytes, *, tail: bool = False) -> Outcome:
        """Run `function`, a name or an ARN; with `tail`, return the end of its log.

        Raises
        ------
        NoSuchFunction, Throttled, RequestTooLarge
        """
        name = self.name_of(function)
        if len(payload) > REQUEST_BYTES:
            raise RequestTooLarge(
                f"Request must be smaller than {REQUEST_BYTES} bytes for the InvokeFunction "
                "operation"
            )
        await self.current(name)
        environments = self._environments[name]
        started = time.perf_counter()
        try:
            outcome = await environments.invoke(payload, tail=tail)
        except Throttled:
            self._count(name, Throttles=1)
            raise
        self._count(
            name,
            Invocations=1,
            Errors=int(outcome.failed),
            Throttles=0,
            Duration=(time.perf_counter() - started) * 1000,
            ConcurrentExecutions=environments.busy + 1,
        )
        return outcome

    async def current(self, name: str) -> FunctionConfig:
        """Return a function's configuration, its role assumed if that is possible by now."""
        if not self.configs[name].role:
            await self.assume_role(name)
        return self.configs[name]

    async def put(self, config: FunctionConfig) -> None:
        """Add a function, or run it as this configuration says from its next invocation on."""
        name = config.name
        self.configs[name] = config
        if name in self._environments:
            await self._environments[name].update(config)
        else:
            self._environments[name] = Environments(config, self._aws_url, self._logs, self._clock)

    async def remove(self, name: str) -> None:
        """Remove a function; an invocation that runs is not ended."""
        del self.configs[name]
        await self._environments.pop(name).close()

    def _count(self, name: str, **values: float) -> None:
        """Count values of Lambda's metrics.

        https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
        """
        if self._metrics:
            for metric, value in values.items():
                unit = "Milliseconds" if metric == "Duration" else "Count"
                self._metrics.count("AWS/Lambda", metric, {"FunctionName": name}, value, unit)

    def name_of(self, function: str) -> str:
        """Return the name in a name or an ARN; raise NoSuchFunction when there is none such."""
        qualified = function.rpartition(":function:")[2]
        name, _, qualifier = qualified.partition(":")
        if name not in self._environments or qualifier not in {"", "$LATEST"}:
            raise NoSuchFunction(qualified)
        return name

    async def end_idle(self) -> None:
        """End idle environments as Lambda does, until cancelled."""
        while True:
            await self._clock.sleep(_IDLE_CHECK_SECONDS)
            await asyncio.sleep(_IDLE_CHECK_REAL_SECONDS)
            await asyncio.gather(*(each.end_idle() for each in self._environments.values()))

    async def stop(self) -> None:
        """End every environment of every function."""
        await asyncio.gather(*(each.stop() for each in self._environments.values()))
