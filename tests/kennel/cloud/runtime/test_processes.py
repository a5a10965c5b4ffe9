import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kennel.cloud.runtime.processes import Child, free_ports, is_running, listen
from kennel.errors import CannotStart

ENV = {"PATH": os.environ["PATH"]}
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"


def test_ports_are_different_and_free() -> None:
    ports = free_ports(3)
    assert len(set(ports)) == 3
    for port in ports:
        listen("127.0.0.1", port).close()


def test_a_busy_port_gets_one_sentence() -> None:
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CannotStart, match=f"127.0.0.1:{port} .*in use.*--port"):
            listen("127.0.0.1", port)


@pytest.mark.parametrize("host", ["0.0.0.0", "8.8.8.8", "localhost", ""])  # noqa: S104
def test_only_a_private_address_is_listened_on(host: str) -> None:
    with pytest.raises(CannotStart, match="private IPv4 address"):
        listen(host, 0)


def test_an_address_of_another_machine_gets_one_sentence() -> None:
    with pytest.raises(CannotStart, match=r"cannot listen on 10\.255\.255\.254"):
        listen("10.255.255.254", 0)


def test_asyncio_will_set_tcp_nodelay() -> None:
    with listen("127.0.0.1", 0) as sock:
        assert sock.proto == socket.IPPROTO_TCP


def test_a_stubborn_child_is_killed(tmp_path: Path) -> None:
    async def stop() -> None:
        child = await Child.start([sys.executable, "-c", STUBBORN], ENV, tmp_path / "log", tmp_path)
        await asyncio.sleep(0.3)
        await child.stop(seconds=0.2)
        assert child.exit_status == -signal.SIGKILL

    asyncio.run(stop())


def test_what_it_printed_is_in_its_log(tmp_path: Path) -> None:
    async def run() -> None:
        command = [sys.executable, "-c", "print('one\\ntwo')"]
        child = await Child.start(command, ENV, tmp_path / "log", tmp_path)
        assert await child.wait() == 0
        assert child.last_lines(1) == "two"

    asyncio.run(run())


def test_a_child_does_not_outlive_a_parent_that_is_killed(tmp_path: Path) -> None:
    code = f"""
import asyncio, sys
from pathlib import Path
from kennel.cloud.runtime.processes import Child

async def main():
    command = [sys.executable, "-c", "import time; time.sleep(60)"]
    child = await Child.start(command, {{}}, Path({str(tmp_path)!r}, "log"), Path("/"))
    print(child.pid, flush=True)
    await child.wait()

asyncio.run(main())
"""
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    with parent.stdout as out:
        child = int(out.readline())
    parent.kill()
    parent.wait()
    for _ in range(50):
        if not is_running(child):
            return
        time.sleep(0.1)
    os.kill(child, signal.SIGKILL)
    raise AssertionError("the child was still there 5 s after its parent was killed")
