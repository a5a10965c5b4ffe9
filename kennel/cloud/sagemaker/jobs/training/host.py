"""Run one instance of a training job: AWS's sagemaker-training toolkit over a tree like /opt/ml.

On AWS the toolkit is the main process of a container of the PyTorch training image. Here no image
is pulled: the toolkit runs on this machine's Python, SAGEMAKER_BASE_DIR names its tree, and a
loopback address is its host name (nothing resolves algo-1).
"""

import asyncio
import contextlib
import json
import os
import signal
from collections.abc import Sequence
from pathlib import Path

from kennel.cloud.runtime.clock import Clock
from kennel.cloud.runtime.processes import Child
from kennel.cloud.runtime.store import Json
from kennel.cloud.sagemaker.frameworks.container import in_container, with_local_paths
from kennel.cloud.sagemaker.frameworks.environment import make_environment, pip_settings
from kennel.paths import PYTHON

#: Offline seconds between SIGTERM and SIGKILL.
#: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_StopTrainingJob.html
GRACE_SECONDS = 120.0


def host_names(count: int) -> list[str]:
    """Return the names of a job's hosts: loopback addresses that every Linux has."""
    return [f"127.0.0.{number}" for number in range(1, count + 1)]


class Host:
    """One instance of a training job.

    Parameters
    ----------
    base
        The folder that stands for /opt/ml.
    number
        0 for algo-1.
    command
        Python's arguments that start the toolkit.
    """

    def __init__(self, base: Path, number: int, command: Sequence[str | Path]) -> None:
        self.base = base
        self.number = number
        self._command = command
        self._child: Child | None = None
        for folder in ("input/config", "input/data", "model", "output/data"):
            (base / folder).mkdir(parents=True)

    def configure(self, request: Json) -> None:
        """Write the files of /opt/ml/input/config."""
        resources = request["ResourceConfig"]
        hosts = host_names(resources["InstanceCount"])
        group = {"instance_group_name": "homogeneousCluster", "hosts": hosts}
        settings = {
            "hyperparameters": request.get("HyperParameters", {}),
            "resourceconfig": {
                "current_host": hosts[self.number],
                "current_instance_type": resources["InstanceType"],
                "current_group_name": "homogeneousCluster",
                "hosts": hosts,
                "instance_groups": [group | {"instance_type": resources["InstanceType"]}],
                "network_interface_name": "lo",
            },
            "inputdataconfig": {
                channel["ChannelName"]: {
                    "ContentType": channel.get("ContentType", ""),
                    "TrainingInputMode": "File",
                    "S3DistributionType": channel["DataSource"]["S3DataSource"].get(
                        "S3DataDistributionType", "FullyReplicated"
                    ),
                    "RecordWrapperType": "None",
                }
                for channel in request.get("InputDataConfig", [])
            },
        }
        for name, value in settings.items():
            (self.base / "input/config" / f"{name}.json").write_text(json.dumps(value))

    def local(self, path: str) -> Path:
        """Return the local path of a container's path such as /opt/ml/checkpoints."""
        return self.base / path.removeprefix("/opt/ml").lstrip("/")

    async def start(self, request: Json, environment: dict[str, str], log: Path, port: int) -> None:
        """Start the toolkit.

        Parameters
        ----------
        environment
            Variables of the request and those with which the job calls AWS.
        port
            The rendezvous port of a job of several hosts (MASTER_PORT).
        """
        count = request["ResourceConfig"]["InstanceCount"]
        module = "sagemaker_pytorch_container.training"
        if count > 1:
            module = "kennel.cloud.sagemaker.jobs.training.rendezvous"
        folder = self.base.with_name(f"{self.base.name}-python")
        own = await asyncio.to_thread(make_environment, folder)
        programs = [own.python.parent, PYTHON.parent, os.environ.get("PATH", os.defpath)]
        env = {
            **pip_settings(),
            "PATH": os.pathsep.join(map(str, programs)),
            "PYTHONPATH": str(own.packages),  # for programs of this Python, such as torchrun
            "HOME": str(self.base),
            "SAGEMAKER_BASE_DIR": str(self.base),
            "SAGEMAKER_TRAINING_MODULE": f"{module}:main",
            "TRAINING_JOB_NAME": request["TrainingJobName"],
            "PYTHONUNBUFFERED": "1",
            "OMP_NUM_THREADS": str(max(1, (os.cpu_count() or 1) // count)),
            "GLOO_SOCKET_IFNAME": "lo",
            "KENNEL_MASTER_PORT": str(port),
            **environment,
        }
        algorithm = request.get("AlgorithmSpecification", {})
        command: list[str | Path] = [own.python, *self._command]
        if entrypoint := algorithm.get("ContainerEntrypoint"):
            words = [*entrypoint, *algorithm.get("ContainerArguments", [])]
            command = [*with_local_paths(self.base, words)]
        self._child = await Child.start(in_container(self.base, command), env, log, self.base)

    async def wait(self) -> int:
        """Return the exit status of the toolkit once it ended; end the processes that it left."""
        assert self._child  # noqa: S101 - `start` came first
        status = await self._child.wait()
        self.end_processes()
        return status

    async def stop(self, clock: Clock) -> None:
        """End the toolkit as the service does: SIGTERM, and SIGKILL 120 s later.

        SIGTERM goes to the container's main process only. The toolkit does not forward it to the
        script, on AWS or here (aws/sagemaker-training-toolkit issue 125).
        """
        if not self._child or self._child.exit_status is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._child.pid, signal.SIGTERM)
        with contextlib.suppress(TimeoutError):
            await clock.wait_for(self._child.wait(), GRACE_SECONDS)
        await self.kill()

    async def kill(self) -> None:
        """Kill the toolkit and every process that it started."""
        if self._child:
            await self._child.stop(seconds=0)
        self.end_processes()

    def end_processes(self) -> None:
        """Kill every process that was started from this host, as the end of a container does."""
        mark = f"SAGEMAKER_BASE_DIR={self.base}\0".encode()
        for environ in Path("/proc").glob("[0-9]*/environ"):
            # Another user's process, or one that has just ended.
            with contextlib.suppress(OSError):
                if mark in environ.read_bytes() + b"\0":
                    os.kill(int(environ.parent.name), signal.SIGKILL)

    def failure(self) -> str:
        """Return the content of /opt/ml/output/failure, empty without that file."""
        file = self.base / "output" / "failure"
        return file.read_text(errors="replace") if file.exists() else ""
