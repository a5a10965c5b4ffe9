"""One execution environment of a Lambda function: AWS's Runtime Interface Emulator.

The emulator starts the function's Python with awslambdaric, as Lambda does, and takes one
invocation at a time (a second one kills it, as measured; see environments.py).
"""

import asyncio
import contextlib
import json
import os
import platform
import signal
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import httpx

from kennel.cloud.awslambda.log_tail import LogTail
from kennel.cloud.awslambda.memory import PeakMemory
from kennel.cloud.runtime.processes import Child, free_ports, secret_loopback_address
from kennel.errors import CannotStart

_INVOCATIONS = "/2015-03-31/functions/function/invocations"
_LISTEN_SECONDS = 5.0  # the emulator, a Go binary, listens after some 10 ms
_MEMORY_SECONDS = 0.05  # between two measurements of the memory
#: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html: 6 MB and a little.
RESPONSE_BYTES = 6291556
_MARGIN_SECONDS = 10.0  # beyond the function's own time-out, for the emulator to say so


def emulator_name() -> str:
    """Return the name of the emulator's binary for this processor, as AWS calls it."""
    machine = {"x86_64": "x86_64", "aarch64": "arm64"}.get(platform.machine())
    if machine is None:
        raise CannotStart(
            f"this processor is {platform.machine()}, and AWS's Lambda emulator exists for "
            "x86_64 and aarch64: use such a machine"
        )
    return f"aws-lambda-rie-{machine}"


@dataclass(frozen=True)
class Outcome:
    """The result of an invocation.

    Attributes
    ----------
    payload
        JSON text: the function's answer, or Lambda's description of its error.
    failed
        Whether the function raised, timed out or died (Lambda's header X-Amz-Function-Error).
    cold
        Whether the environment was started for it.
    log
        The last 4 KB of its log, if they were asked for.
    """

    payload: bytes
    failed: bool
    cold: bool = False
    log: bytes = b""


class Emulator:
    """A running execution environment."""

    def __init__(
        self, child: Child, client: httpx.AsyncClient, memory: PeakMemory, tail: LogTail
    ) -> None:
        self._child = child
        self._client = client
        self._memory = memory
        self._tail = tail

    @classmethod
    async def start(
        cls,
        binary: Path,
        command: list[str],
        env: Mapping[str, str],
        log: Path,
        *,
        folder: Path,
        timeout: float,
        memory: int | None = None,
    ) -> "Emulator":
        """Start an environment.

        Parameters
        ----------
        binary
            AWS's emulator.
        command
            The runtime: a Python with awslambdaric and the handler's name.
        folder
            The function's code: its working directory.
        timeout
            The function's time-out in seconds; `env` has the same for the emulator.
        memory
            MB beyond which its processes are killed; None for no limit.
        """
        host = secret_loopback_address()
        runtime_port, port = free_ports(2, host)
        addresses = [
            "--runtime-api-address",
            f"{host}:{runtime_port}",
            "--runtime-interface-emulator-address",
            f"{host}:{port}",
            "--log-level",
            "error",
        ]
        peak = PeakMemory(memory)
        tail = LogTail(peak.correct)
        child = await Child.start(
            [binary, *addresses, *command], env, log, folder, rewrite=tail.add
        )
        peak.pid = child.pid
        try:
            await _listening(host, port, child)
        except BaseException:
            await child.stop(seconds=1.0)
            raise
        client = httpx.AsyncClient(
            base_url=f"http://{host}:{port}", timeout=timeout + _MARGIN_SECONDS, trust_env=False
        )
        return cls(child, client, peak, tail)

    @property
    def alive(self) -> bool:
        """Whether it can take an invocation."""
        return self._child.exit_status is None

    async def invoke(self, payload: bytes, *, tail: bool = False) -> Outcome:
        """Run the function once on the JSON text `payload`; with `tail`, return its log's end."""
        outcome = await self._invoke(payload)
        return replace(outcome, log=await self._tail.read()) if tail else outcome

    async def _invoke(self, payload: bytes) -> Outcome:
        guard = asyncio.ensure_future(self._guard_memory())
        try:
            answer = await self._client.post(_INVOCATIONS, content=payload)
        except httpx.TransportError as error:
            await self.stop()
            return _error("Runtime.Unavailable", f"the environment ended ({type(error).__name__})")
        finally:
            guard.cancel()
        if len(answer.content) > RESPONSE_BYTES:
            return _error(
                "Function.ResponseSizeTooLarge",
                "Response payload size exceeded maximum allowed payload size "
                f"({RESPONSE_BYTES} bytes).",
            )
        if not answer.is_success:  # the runtime died: {"errorType": "Runtime.ExitError", ...}
            return Outcome(answer.content, failed=True)
        if answer.content.startswith(b"Task timed out after"):  # with status 200, and not JSON
            return _error("Sandbox.Timedout", answer.text)
        return Outcome(answer.content, _describes_error(answer.content))

    async def _guard_memory(self) -> None:
        """Kill the function's processes when they hold more than its memory.

        Lambda's sandbox does so at once; this measures twenty times a second, so a short peak may
        pass. The emulator then reports what Lambda does: "Runtime exited with error: signal:
        killed".
        """
        while True:
            for pid in self._memory.processes_over_limit():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            await asyncio.sleep(_MEMORY_SECONDS)

    async def stop(self) -> None:
        """End the environment at once: Lambda too gives a frozen one no time to clean up."""
        await self._client.aclose()
        await self._child.stop(seconds=1.0)


async def _listening(host: str, port: int, child: Child) -> None:
    """Wait until the emulator takes connections."""
    for _ in range(int(_LISTEN_SECONDS / 0.01)):
        if child.exit_status is not None:
            break
        try:
            _, writer = await asyncio.open_connection(host, port)
        except OSError:
            await asyncio.sleep(0.01)
            continue
        writer.close()
        return
    raise CannotStart(f"AWS's Lambda emulator did not start: see {child.log}")


def _error(kind: str, message: str) -> Outcome:
    return Outcome(json.dumps({"errorType": kind, "errorMessage": message}).encode(), failed=True)


def _describes_error(payload: bytes) -> bool:
    """Return whether a payload is awslambdaric's report of an exception: no header says so."""
    if b'"errorMessage"' not in payload:
        return False
    try:
        document = json.loads(payload)
    except ValueError:
        return False
    described = {"errorMessage", "errorType", "requestId"}
    return isinstance(document, dict) and described <= set(document)
