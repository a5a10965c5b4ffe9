"""Functions in the real emulator: what they answer, and how they fail."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from kennel.cloud.awslambda.emulator import Outcome
from kennel.cloud.awslambda.environments import IDLE_SECONDS, Environments, Throttled
from kennel.cloud.awslambda.function_config import FunctionConfig
from kennel.cloud.awslambda.functions import LambdaService, NoSuchFunction, RequestTooLarge
from kennel.cloud.cloudwatch.metrics import Metrics, Series
from kennel.cloud.runtime.clock import Clock
from tests.processes import processes_with

CODE = """
import os, subprocess, sys, time

def handler(event, context):
    match event["do"]:
        case "answer":
            return {"pid": os.getpid(), "memory": context.memory_limit_in_mb}
        case "raise":
            raise ValueError("no such dog")
        case "sleep":
            time.sleep(event["seconds"])
            return {"pid": os.getpid()}
        case "die":
            os._exit(3)
        case "look":
            return {"path": sys.path, "env": dict(os.environ), "folder": os.getcwd()}
        case "fill":
            held = bytearray(event["mb"] * 2**20)
            held[::4096] = b"x" * len(held[::4096])
            time.sleep(event["seconds"])
            return len(held)
        case "fill in a process":
            code = f"b = bytearray({event['mb']} << 20); b[::4096] = b'x' * len(b[::4096])"
            subprocess.run([sys.executable, "-c", code + "; import time; time.sleep(0.5)"])
        case "write":
            return "x" * event["bytes"]
        case "describe an error":
            return {"errorMessage": "as data", "errorType": "of the function's own"}
"""


def settings(folder: Path, concurrency: int = 2, timeout: float = 5) -> FunctionConfig:
    (folder / "code.py").unlink(missing_ok=True)
    package = folder / "tried"
    package.mkdir(exist_ok=True)
    (package / "app.py").write_text(CODE)
    return FunctionConfig(
        name="kennel-Tried",
        handler="tried.app.handler",
        memory=256,
        timeout=timeout,
        concurrency=concurrency,
        role="TriedRole",
        environment={"SETTING": "from the template"},
        path=(folder,),
    )


@asynccontextmanager
async def running(made: FunctionConfig, logs: Path) -> AsyncIterator[Environments]:
    environments = Environments(made, "http://127.0.0.1:1", logs)
    try:
        yield environments
    finally:
        await environments.stop()


def run(folder: Path, what: Callable[[Environments], Awaitable[None]], **limits: float) -> None:
    async def whole() -> None:
        async with running(settings(folder, **limits), folder / "logs") as environments:  # type: ignore[arg-type]
            await what(environments)

    asyncio.run(whole())


async def invoke(environments: Environments, **event: object) -> Outcome:
    return await environments.invoke(json.dumps(event).encode())


def test_an_environment_is_kept_warm(tmp_path: Path) -> None:
    async def twice(environments: Environments) -> None:
        first = json.loads((await invoke(environments, do="answer")).payload)
        second = json.loads((await invoke(environments, do="answer")).payload)
        assert first == second
        assert first["memory"] == "256"

    run(tmp_path, twice)


def test_it_sees_its_own_build_the_templates_settings_and_no_more(tmp_path: Path) -> None:
    async def look(environments: Environments) -> None:
        seen = json.loads((await invoke(environments, do="look")).payload)
        assert not [path for path in seen["path"] if "site-packages" in path]
        assert seen["env"]["SETTING"] == "from the template"
        assert seen["folder"] == str(tmp_path)
        assert seen["env"]["AWS_ACCESS_KEY_ID"] == "TriedRole"
        assert "HOME" not in seen["env"]

    run(tmp_path, look)


@pytest.mark.parametrize(
    ("event", "kind", "message"),
    [
        ({"do": "raise"}, "ValueError", "no such dog"),
        ({"do": "sleep", "seconds": 9}, "Sandbox.Timedout", "Task timed out after 1.00 seconds"),
        ({"do": "die"}, "Runtime.ExitError", "exit status 3"),
    ],
)
def test_a_failure_is_described_and_the_next_call_works(
    tmp_path: Path, event: dict[str, object], kind: str, message: str
) -> None:
    async def fail(environments: Environments) -> None:
        outcome = await invoke(environments, **event)
        assert outcome.failed
        described = json.loads(outcome.payload)
        assert described["errorType"] == kind
        assert message in described["errorMessage"]
        assert not (await invoke(environments, do="answer")).failed

    run(tmp_path, fail, timeout=1)


def test_a_function_that_takes_more_than_its_memory_is_killed(tmp_path: Path) -> None:
    async def fill(environments: Environments) -> None:
        fits = await invoke(environments, do="fill", mb=100, seconds=0.2)
        assert json.loads(fits.payload) == 100 * 2**20
        outcome = await invoke(environments, do="fill", mb=400, seconds=60)
        described = json.loads(outcome.payload)
        assert outcome.failed
        assert described["errorType"] == "Runtime.ExitError"
        assert described["errorMessage"].endswith("Runtime exited with error: signal: killed")
        assert not (await invoke(environments, do="answer")).failed

    run(tmp_path, fill, timeout=90)


def reports(folder: Path) -> list[tuple[int, int]]:
    """Return (Memory Size, Max Memory Used) of each REPORT in the function's log."""
    log = (folder / "logs" / "kennel-Tried.log").read_text()
    sizes = re.findall(r"^REPORT .*Memory Size: (\d+) MB\tMax Memory Used: (\d+) MB", log, re.M)
    return [(int(size), int(used)) for size, used in sizes]


def test_report_lines_have_the_peak_memory_of_the_environment(tmp_path: Path) -> None:
    async def fill(environments: Environments) -> None:
        await invoke(environments, do="answer")
        await invoke(environments, do="fill", mb=100, seconds=0)
        await invoke(environments, do="answer")  # the environment's peak stays
        small, large, after = (used for size, used in reports(tmp_path))
        assert 5 < small < 80
        assert small + 95 < large < small + 130
        assert after == large

    run(tmp_path, fill)


def test_memory_of_a_functions_own_processes_counts(tmp_path: Path) -> None:
    async def fill(environments: Environments) -> None:
        await invoke(environments, do="fill in a process", mb=100)
        ((_, used),) = reports(tmp_path)
        assert used > 100

    run(tmp_path, fill)


def test_an_answer_over_6_mb_is_an_error(tmp_path: Path) -> None:
    async def write(environments: Environments) -> None:
        assert not (await invoke(environments, do="write", bytes=6_000_000)).failed
        outcome = await invoke(environments, do="write", bytes=6_300_000)
        assert outcome.failed
        assert json.loads(outcome.payload)["errorType"] == "Function.ResponseSizeTooLarge"

    run(tmp_path, write, timeout=60)


def test_only_the_first_invocation_of_an_environment_is_cold(tmp_path: Path) -> None:
    async def twice(environments: Environments) -> None:
        assert (await invoke(environments, do="answer")).cold
        assert not (await invoke(environments, do="answer")).cold

    run(tmp_path, twice)


def test_an_answer_that_looks_like_an_error_is_an_answer(tmp_path: Path) -> None:
    async def answer(environments: Environments) -> None:
        assert not (await invoke(environments, do="describe an error")).failed

    run(tmp_path, answer)


def test_concurrency_is_bounded_and_the_excess_is_throttled(tmp_path: Path) -> None:
    async def crowd(environments: Environments) -> None:
        calls = [invoke(environments, do="sleep", seconds=0.5) for _ in range(4)]
        results = await asyncio.gather(*calls, return_exceptions=True)
        answered = [each for each in results if isinstance(each, Outcome)]
        assert len(answered) == 2
        assert len({each.payload for each in answered}) == 2  # two environments, side by side
        assert sum(isinstance(each, Throttled) for each in results) == 2
        assert not (await invoke(environments, do="answer")).failed

    run(tmp_path, crowd, concurrency=2)


def test_invocations_are_counted_and_a_request_over_6_mb_is_refused(tmp_path: Path) -> None:
    async def count() -> None:
        clock = Clock()
        metrics = Metrics(clock)
        service = LambdaService("http://x", tmp_path, metrics)
        await service.put(settings(tmp_path))
        try:
            await service.invoke("kennel-Tried", b'{"do": "answer"}')
            await service.invoke("kennel-Tried", b'{"do": "raise"}')
            with pytest.raises(RequestTooLarge, match="smaller than 6291456 bytes"):
                await service.invoke("kennel-Tried", b" " * (6 * 2**20 + 1))
        finally:
            await service.stop()

        async def total(name: str) -> float | None:
            series = Series.of("AWS/Lambda", name, {"FunctionName": "kennel-Tried"})
            (point,) = await metrics.points(series, "Sum", 7200, clock.now() - 3600, 1)
            return point

        assert [await total("Invocations"), await total("Errors")] == [2, 1]
        assert (await total("Duration") or 0) > 0

    asyncio.run(count())


def test_a_function_is_found_by_name_or_arn_only(tmp_path: Path) -> None:
    async def find() -> None:
        service = LambdaService("http://x", tmp_path)
        await service.put(settings(tmp_path))
        try:
            arn = "arn:aws:lambda:us-east-1:123456789012:function:kennel-Tried"
            assert not (await service.invoke(arn, b'{"do": "answer"}')).failed
            with pytest.raises(NoSuchFunction):
                await service.invoke("kennel-Other", b"{}")
        finally:
            await service.stop()

    asyncio.run(find())


def test_idle_environments_end_on_the_clock(tmp_path: Path) -> None:
    clock = Clock(speed=0)

    async def run() -> None:
        service = LambdaService("http://x", tmp_path, clock=clock)
        await service.put(settings(tmp_path))
        ending = asyncio.create_task(service.end_idle())

        async def two_at_once() -> list[bool]:
            payload = json.dumps({"do": "sleep", "seconds": 0.5}).encode()
            outcomes = [service.invoke("kennel-Tried", payload) for _ in range(2)]
            return [outcome.cold for outcome in await asyncio.gather(*outcomes)]

        assert await two_at_once() == [True, True]
        clock.skip(IDLE_SECONDS / 2)
        await service.invoke("kennel-Tried", b'{"do": "answer"}')
        clock.skip(IDLE_SECONDS / 2)
        async with asyncio.timeout(20):
            while len(environments_of(tmp_path)) > 1:  # the one that was used has longer
                await asyncio.sleep(0.05)
        assert sorted(await two_at_once()) == [False, True]
        ending.cancel()
        await service.stop()
        assert environments_of(tmp_path) == []

    asyncio.run(run())


def environments_of(folder: Path) -> list[int]:
    """Return the processes that run the function which `settings` has made in a folder."""
    with_root = processes_with(f"LAMBDA_TASK_ROOT={folder}\0".encode(), "environ")
    return [pid for pid in processes_with(b"aws-lambda-rie") if pid in with_root]
