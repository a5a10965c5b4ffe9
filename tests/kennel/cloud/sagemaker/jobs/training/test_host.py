"""The images that the toolkit stands for, and how an instance ends."""

import asyncio
import sys
from pathlib import Path

import pytest

from kennel.cloud.runtime.clock import Clock
from kennel.cloud.runtime.processes import Child, is_running
from kennel.cloud.sagemaker.jobs.training.host import GRACE_SECONDS, Host, can_run

ACCOUNT = "763104351884.dkr.ecr.us-east-1.amazonaws.com"


@pytest.mark.parametrize(
    ("image", "can"),
    [
        (f"{ACCOUNT}/pytorch-amzn2023:2.14-cpu-amzn2023-sagemaker", True),
        (f"{ACCOUNT}/pytorch:2.14-cpu-amzn2023-sagemaker", True),
        (f"{ACCOUNT}/pytorch-training:2.6.0-cpu-py312-ubuntu22.04-sagemaker", True),
        (f"{ACCOUNT}/pytorch:2.14-cpu-amzn2023-ec2", False),
        (f"{ACCOUNT}/tensorflow-training:2.19-cpu", False),
        ("123456789012.dkr.ecr.us-east-1.amazonaws.com/pytorch-training:1", False),
        ("", False),
    ],
)
def test_only_awss_pytorch_image_can_run(image: str, can: bool) -> None:
    assert can_run(image) is can


#: Ignores SIGTERM, starts a child in a session of its own, and says that it is ready.
STUBBORN = """
import os, pathlib, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"],
                         start_new_session=True)
pathlib.Path(os.environ["SAGEMAKER_BASE_DIR"], "child").write_text(str(child.pid))
time.sleep(600)
"""


def test_what_ignores_sigterm_is_killed_after_the_grace_with_all_it_started(
    tmp_path: Path,
) -> None:
    async def run() -> tuple[int, int, bool]:
        host, clock = Host(tmp_path / "algo-1", 0), Clock(speed=0)
        environment = {"SAGEMAKER_BASE_DIR": str(host.base)}
        command = [sys.executable, "-c", STUBBORN]
        host._child = await Child.start(command, environment, tmp_path / "log", tmp_path)
        noted = host.base / "child"
        async with asyncio.timeout(60):
            while not noted.exists() or not noted.read_text():
                await asyncio.sleep(0.02)
        stopping = asyncio.ensure_future(host.stop(clock))
        await asyncio.sleep(0.3)
        clock.skip(GRACE_SECONDS - 1)
        await asyncio.sleep(0.3)
        alive = is_running(host._child.pid)
        clock.skip(1)
        async with asyncio.timeout(60):
            await stopping
            while is_running(int(noted.read_text())):
                await asyncio.sleep(0.02)
        return host._child.pid, int(noted.read_text()), alive

    main, child, was_alive = asyncio.run(run())
    assert was_alive, "SIGKILL came before the grace was over"
    assert not is_running(main) and not is_running(child)
