"""Invoke the functions of a stack by name or ARN."""

import asyncio
import time
from collections.abc import Mapping
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
    """The template has no function of this name."""


class LambdaService:
    """All functions of the stack, by name or ARN.

    Parameters
    ----------
    metrics
        Counts invocations; None counts none.

    Attributes
    ----------
    configs
        The current configuration of each function, by name.
    """

    def __init__(
        self,
        functions: Mapping[str, FunctionConfig],
        aws_url: str,
        logs: Path,
        metrics: Metrics | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._clock = clock or Clock()
        self._metrics = metrics
        self.configs = dict(functions)
        self._environments = {
            name: Environments(config, aws_url, logs, self._clock)
            for name, config in functions.items()
        }

    async def invoke(self, function: str, payload: bytes) -> Outcome:
        """Run `function`, a name or an ARN.

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
        environments = self._environments[name]
        started = time.perf_counter()
        try:
            outcome = await environments.invoke(payload)
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

    async def update(self, config: FunctionConfig) -> None:
        """Run a function as this configuration says, from its next invocation on."""
        self.configs[config.name] = config
        await self._environments[config.name].update(config)

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
        name = function.rsplit(":function:", maxsplit=1)[-1].split(":", maxsplit=1)[0]
        if name not in self._environments:
            raise NoSuchFunction(name)
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
