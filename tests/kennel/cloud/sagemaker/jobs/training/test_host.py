"""The end of an instance of a training job."""

import asyncio
from pathlib import Path

from kennel.cloud.runtime.clock import Clock
from kennel.cloud.runtime.processes import is_running
from kennel.cloud.sagemaker.jobs.training.host import GRACE_SECONDS, Host

#: Ignores SIGTERM and starts a child in another session, whose process id it writes to a file.
STUBBORN = """
import os, pathlib, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"],
                         start_new_session=True)
base = pathlib.Path(os.environ["SAGEMAKER_BASE_DIR"])
(base / "pids").write_text(f"{os.getpid()} {child.pid}")
time.sleep(600)
"""
REQUEST = {"TrainingJobName": "stubborn", "ResourceConfig": {"InstanceCount": 1}}


def test_a_process_that_ignores_sigterm_is_killed_after_the_grace_period(tmp_path: Path) -> None:
    async def scenario() -> None:
        command = ["-c", STUBBORN]
        host, clock = Host(tmp_path / "algo-1", 0, command), Clock(speed=0)
        await host.start(REQUEST, {}, tmp_path / "log", 0)
        pid_file = host.base / "pids"
        async with asyncio.timeout(60):
            while not pid_file.exists() or not pid_file.read_text():
                await asyncio.sleep(0.02)
        main, child = (int(pid) for pid in pid_file.read_text().split())
        stopping = asyncio.ensure_future(host.stop(clock))
        await asyncio.sleep(0.2)
        clock.skip(GRACE_SECONDS - 1)
        await asyncio.sleep(0.2)
        assert is_running(main), "SIGKILL came before the grace period was over"
        clock.skip(1)
        async with asyncio.timeout(60):
            await stopping
            while is_running(child):
                await asyncio.sleep(0.02)
        assert not is_running(main)

    asyncio.run(scenario())
