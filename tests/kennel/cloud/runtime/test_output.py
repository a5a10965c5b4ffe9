"""A child's output on its way to a log."""

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from kennel.cloud.runtime.processes import Child


def upper(line: bytes) -> bytes:
    return line.upper() if line.startswith(b"x") else line


def run(code: str, log: Path, before_stop: Callable[[Child], object] = lambda child: None) -> bytes:
    async def whole() -> None:
        env: dict[str, str] = {}
        child = await Child.start([sys.executable, "-c", code], env, log, log.parent, rewrite=upper)
        await child.wait()
        before_stop(child)
        await child.stop()
        await child.stop()

    asyncio.run(whole())
    return log.read_bytes()


@pytest.mark.parametrize(
    ("code", "logged"),
    [
        ("print('xa'); print('b'); print('xc', end='')", b"XA\nb\nxc"),
        ("", b""),
        ("print('x' * 300_000)", b"X" * 300_000 + b"\n"),
        ("import sys; sys.stdout.buffer.write(bytes([255, 10]))", b"\xff\n"),
        ("import sys; print('x', file=sys.stderr)", b"X\n"),
    ],
)
def test_each_line_is_logged_as_it_is_rewritten(code: str, logged: bytes, tmp_path: Path) -> None:
    assert run(code, tmp_path / "log") == logged


def test_a_process_that_outlives_the_child_holds_nothing_up(tmp_path: Path) -> None:
    code = (
        "import subprocess, sys; print('x', flush=True); "
        "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(1)'])"
    )
    assert run(code, tmp_path / "log") == b"X\n"


def test_a_command_that_does_not_exist_is_an_error_and_leaves_no_pipe(tmp_path: Path) -> None:
    async def start() -> None:
        await Child.start(["/nothing"], {"PATH": ""}, tmp_path / "log", tmp_path / "none", upper)

    before = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(OSError, match="none"):
        asyncio.run(start())
    assert len(list(Path("/proc/self/fd").iterdir())) == before
