"""The execution environments of a function, and the limit on how many run at once."""

import asyncio
import math
import os
from dataclasses import replace
from pathlib import Path

from kennel.cloud.awslambda.build import LAMBDA
from kennel.cloud.awslambda.emulator import Emulator, Outcome, emulator_name
from kennel.cloud.awslambda.function_config import FunctionConfig
from kennel.cloud.cloudformation.names import REGION
from kennel.cloud.runtime.clock import Clock
from kennel.paths import PYTHON

#: Offline seconds after which an idle environment ends. Lambda keeps it for "some time", as
#: https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html says; the planner
#: counts on the same ten minutes.
IDLE_SECONDS = 600.0


class Throttled(Exception):  # noqa: N818 - Lambda's own word
    """Every environment that the function may have is busy (Lambda answers 429)."""


class Environments:
    """The execution environments of one function: started on demand, kept warm, limited."""

    def __init__(
        self, config: FunctionConfig, aws_url: str, logs: Path, clock: Clock | None = None
    ) -> None:
        self.config = config
        self._aws_url = aws_url
        self._log = logs / f"{config.name}.log"
        self._clock = clock or Clock()
        #: Environments with the offline time since when they are idle, the oldest first.
        self._idle: list[tuple[float, Emulator]] = []
        self._busy = 0
        self._open = True

    @property
    def busy(self) -> int:
        """The number of invocations that run."""
        return self._busy

    async def invoke(self, payload: bytes, *, tail: bool = False) -> Outcome:
        """Run the function on `payload` (JSON text); with `tail`, return its log's end.

        Raises
        ------
        Throttled
            When as many invocations run as the function's concurrency allows.
        """
        if self._busy >= self.config.concurrency:
            raise Throttled(self.config.name)
        self._busy += 1
        config = self.config
        try:
            warm = self._warm()
            environment = warm or await self._start()
            try:
                outcome = replace(await environment.invoke(payload, tail=tail), cold=warm is None)
            except asyncio.CancelledError:  # the caller left; its answer must not meet the next
                await environment.stop()
                raise
            if not self._open or not _runs_as(config, self.config):  # it has changed meanwhile
                await environment.stop()
            elif environment.alive:
                self._idle.append((self._clock.now(), environment))
            return outcome
        finally:
            self._busy -= 1

    async def update(self, config: FunctionConfig) -> None:
        """Start environments by this configuration from now on; busy ones end when done."""
        before, self.config = self.config, config
        if not _runs_as(before, config):
            await self.stop()

    async def close(self) -> None:
        """Take no more invocations; busy environments end when done."""
        self._open = False
        await self.stop()

    def _warm(self) -> Emulator | None:
        while self._idle:
            _, environment = self._idle.pop()
            if environment.alive:
                return environment
        return None

    async def _start(self) -> Emulator:
        config = self.config
        runtime = LAMBDA / "runtime"
        env = {
            "PATH": os.defpath,
            "LANG": "C.UTF-8",
            "TZ": ":UTC",
            "PYTHONPATH": os.pathsep.join(map(str, [*config.path, runtime])),
            "LAMBDA_TASK_ROOT": str(config.path[0]),
            "AWS_LAMBDA_FUNCTION_NAME": config.name,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(config.memory),
            "AWS_LAMBDA_FUNCTION_TIMEOUT": str(int(config.timeout)),
            "AWS_LAMBDA_LOG_GROUP_NAME": config.log_group,
            "AWS_LAMBDA_LOG_FORMAT": config.log_format,
            # Lambda sets it with JSON only.
            **({"AWS_LAMBDA_LOG_LEVEL": config.log_level} if config.log_level else {}),
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ENDPOINT_URL": self._aws_url,
            # The gateway reads the caller's role from the key (see iam/identity.py).
            "AWS_ACCESS_KEY_ID": config.role or f"role-of-{config.name}-is-missing",
            "AWS_SECRET_ACCESS_KEY": "offline",
            **config.environment,
        }
        # -S: no site-packages, so that a function sees what its build holds and nothing else.
        command = [str(PYTHON), "-S", "-m", "awslambdaric", config.handler]
        return await Emulator.start(
            LAMBDA / emulator_name(),
            command,
            env,
            self._log,
            # A build of an earlier run may be gone: its function then cannot import its module.
            folder=config.path[0] if config.path[0].is_dir() else self._log.parent,
            timeout=config.timeout,
            memory=config.memory,
        )

    async def end_idle(self) -> None:
        """End the environments that have been idle for `IDLE_SECONDS`."""
        await self._end_idle_since(self._clock.now() - IDLE_SECONDS)

    async def stop(self) -> None:
        """End every environment."""
        await self._end_idle_since(math.inf)

    async def _end_idle_since(self, latest: float) -> None:
        ending = [environment for since, environment in self._idle if since <= latest]
        self._idle = [each for each in self._idle if each[0] > latest]
        await asyncio.gather(*(each.stop() for each in ending))


def _runs_as(one: FunctionConfig, other: FunctionConfig) -> bool:
    """Return whether an environment serves both configurations: concurrency alone may differ."""
    return replace(one, concurrency=other.concurrency) == other
