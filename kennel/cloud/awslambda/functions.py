"""Lambda: functions of the template, their environments and their limits."""

import asyncio
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from kennel.cloud.awslambda.build import LAMBDA
from kennel.cloud.awslambda.emulator import Emulator, Outcome, emulator_name
from kennel.cloud.cloudformation.names import REGION
from kennel.cloud.cloudformation.template import Resource, Stack
from kennel.cloud.cloudwatch.metrics import Metrics
from kennel.paths import PYTHON

#: What a function may take without a reservation. An AWS account has 1,000 for all functions
#: together (new ones often 10); this machine holds fewer processes.
UNRESERVED_CONCURRENCY = 10

#: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
REQUEST_BYTES = 6 * 2**20


class Throttled(Exception):  # noqa: N818 - Lambda's own word
    """Every environment that the function may have is busy (Lambda answers 429)."""


class RequestTooLarge(Exception):  # noqa: N818
    """The payload is larger than Lambda takes (413 RequestTooLargeException)."""


class NoSuchFunction(Exception):  # noqa: N818
    """The template has no function of this name."""


@dataclass(frozen=True)
class FunctionSettings:
    """One AWS::Lambda::Function of the template.

    Attributes
    ----------
    memory : int
        MB; an environment that holds more is killed, where /proc tells.
    timeout : float
        Seconds.
    concurrency : int
        How many environments it may have at once.
    role : str
        Logical id of its role, used as its access key.
    path : tuple of Path
        Its own build, then its layers'.
    log_group : str
        Where its role lets it write.
    """

    logical_id: str
    name: str
    handler: str
    memory: int
    timeout: float
    concurrency: int
    role: str
    environment: Mapping[str, str]
    path: tuple[Path, ...]
    log_group: str = ""


def read_functions(stack: Stack, built: Mapping[str, Path]) -> dict[str, FunctionSettings]:
    """Return the stack's functions by name; `built` gives the folder of each make target."""
    roles = {role.arn: role.logical_id for role in stack.of_type("AWS::IAM::Role")}
    layers = {each.arn: make_target(each) for each in stack.of_type("AWS::Lambda::LayerVersion")}
    return {
        each.name: _read_function(each, built, roles, layers)
        for each in stack.of_type("AWS::Lambda::Function")
    }


def make_target(resource: Resource) -> str:
    """Return the logical id in template.yaml (SAM's transform gives a layer another)."""
    properties = resource.properties
    return str((properties.get("Code") or properties["Content"])["S3Key"])


def _read_function(
    resource: Resource,
    built: Mapping[str, Path],
    roles: Mapping[str, str],
    layers: Mapping[str, str],
) -> FunctionSettings:
    properties = resource.properties
    reserved = properties.get("ReservedConcurrentExecutions")
    environment = properties.get("Environment", {}).get("Variables", {})
    path = [built[layers[arn]] / "python" for arn in properties.get("Layers", [])]
    return FunctionSettings(
        logical_id=resource.logical_id,
        name=resource.name,
        handler=properties["Handler"],
        memory=int(properties.get("MemorySize", 128)),
        timeout=float(properties.get("Timeout", 3)),
        concurrency=UNRESERVED_CONCURRENCY if reserved is None else int(reserved),
        role=roles[properties["Role"]],
        environment={key: str(value) for key, value in environment.items()},
        path=(built[make_target(resource)], *path),
        log_group=properties.get("LoggingConfig", {}).get(
            "LogGroup", f"/aws/lambda/{resource.name}"
        ),
    )


class Environments:
    """The execution environments of one function: started when needed, kept warm, bounded."""

    def __init__(self, settings: FunctionSettings, aws_url: str, logs: Path) -> None:
        self.settings = settings
        self._aws_url = aws_url
        self._log = logs / f"{settings.logical_id}.log"
        self._idle: list[Emulator] = []
        self._busy = 0

    @property
    def busy(self) -> int:
        """How many invocations run."""
        return self._busy

    async def invoke(self, payload: bytes) -> Outcome:
        """Run the function on `payload` (JSON text).

        Raises
        ------
        Throttled
            When its environments are all busy and it may have no further one.
        """
        if self._busy >= self.settings.concurrency:
            raise Throttled(self.settings.name)
        self._busy += 1
        try:
            warm = self._warm()
            environment = warm or await self._start()
            try:
                outcome = replace(await environment.invoke(payload), cold=warm is None)
            except asyncio.CancelledError:  # the caller left; its answer must not meet the next
                await environment.stop()
                raise
            if environment.alive:
                self._idle.append(environment)
            return outcome
        finally:
            self._busy -= 1

    def _warm(self) -> Emulator | None:
        while self._idle:
            environment = self._idle.pop()
            if environment.alive:
                return environment
        return None

    async def _start(self) -> Emulator:
        settings = self.settings
        runtime = LAMBDA / "runtime"
        env = {
            "PATH": os.defpath,
            "LANG": "C.UTF-8",
            "TZ": ":UTC",
            "PYTHONPATH": os.pathsep.join(map(str, [*settings.path, runtime])),
            "LAMBDA_TASK_ROOT": str(settings.path[0]),
            "AWS_LAMBDA_FUNCTION_NAME": settings.name,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(settings.memory),
            "AWS_LAMBDA_FUNCTION_TIMEOUT": str(int(settings.timeout)),
            "AWS_LAMBDA_LOG_GROUP_NAME": settings.log_group,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ENDPOINT_URL": self._aws_url,
            # The gateway reads the caller's role from the key (see access.py).
            "AWS_ACCESS_KEY_ID": settings.role,
            "AWS_SECRET_ACCESS_KEY": "offline",
            **settings.environment,
        }
        # -S: no site-packages, so that a function sees what its build holds and nothing else.
        command = [str(PYTHON), "-S", "-m", "awslambdaric", settings.handler]
        return await Emulator.start(
            LAMBDA / emulator_name(),
            command,
            env,
            self._log,
            timeout=settings.timeout,
            memory=settings.memory,
        )

    async def stop(self) -> None:
        """End every environment."""
        await asyncio.gather(*(each.stop() for each in self._idle))
        self._idle.clear()


class LambdaService:
    """All functions of the stack, by name or ARN.

    Parameters
    ----------
    metrics
        Where invocations are counted; None counts none.
    """

    def __init__(
        self,
        functions: Mapping[str, FunctionSettings],
        aws_url: str,
        logs: Path,
        metrics: Metrics | None = None,
    ) -> None:
        self._metrics = metrics
        self._environments = {
            name: Environments(settings, aws_url, logs) for name, settings in functions.items()
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

    def _count(self, name: str, **values: float) -> None:
        """https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html."""
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

    async def stop(self) -> None:
        """End every environment of every function."""
        await asyncio.gather(*(each.stop() for each in self._environments.values()))
