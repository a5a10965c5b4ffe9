"""Join the processes of a distributed training, and exchange values between them.

torchrun describes them by RANK, WORLD_SIZE and LOCAL_RANK, SageMaker by SM_HOSTS, SM_CURRENT_HOST
and SM_NUM_GPUS. Where SageMaker's toolkit has not started torchrun itself
(`sagemaker_torch_distributed_enabled`), `restart_under_torchrun` replaces this process by it.
"""

import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist

from dogbreeds.data.dataset import DataError

PORT = "29500"  # torchrun's own default; MASTER_PORT comes before it
_TIMEOUT = timedelta(hours=6)  # the others wait while the first audits and packages


@dataclass(frozen=True)
class _FirstProcessFailed:
    """Broadcast by the first process, in place of the value, when it cannot go on."""

    reason: str


@dataclass(frozen=True)
class World:
    """The processes of a training, and the place of this one among them."""

    rank: int = 0
    size: int = 1
    local_rank: int = 0
    local_size: int = 1  # processes on this host

    @property
    def first(self) -> bool:
        """Whether this process writes files and logs."""
        return self.rank == 0

    @property
    def device(self) -> torch.device:
        """The GPU of this process, or the CPU."""
        if torch.cuda.is_available():
            return torch.device("cuda", self.local_rank % torch.cuda.device_count())
        return torch.device("cpu")

    def all_reduce(self, values: list[float]) -> list[float]:
        """Return the sums of `values` over all processes."""
        if self.size == 1:
            return values
        device = self.device if dist.get_backend() == "nccl" else torch.device("cpu")
        tensor = torch.tensor(values, dtype=torch.float64, device=device)
        dist.all_reduce(tensor)
        return [float(value) for value in tensor.tolist()]

    def barrier(self) -> None:
        """Wait until all processes have called this."""
        self.all_gather(None)

    def all_gather(self, value: Any) -> list[Any]:
        """Return every process's value, by rank."""
        if self.size == 1:
            return [value]
        values: list[Any] = [None] * self.size
        dist.all_gather_object(values, value)
        return values

    def broadcast(self, value: Any) -> Any:
        """Return the first process's value; that of the others is not read.

        Raises
        ------
        DataError
            The first process failed within `broadcasting_failure`; the message is its own.
        """
        if self.size == 1:
            return value
        values = [value]
        dist.broadcast_object_list(values, device=torch.device("cpu"))
        if isinstance(values[0], _FirstProcessFailed) and not self.first:
            raise DataError(values[0].reason)
        return values[0]

    @contextmanager
    def broadcasting_failure(self) -> Iterator[None]:
        """End the other processes, which wait in `broadcast`, with this one's error.

        Only the first process may use it. A job of several hosts shows the failure reason of one of
        them, and not always that of the first.
        """
        try:
            yield
        except Exception as error:
            self.broadcast(_FirstProcessFailed(str(error)))
            raise


SINGLE_PROCESS = World()


@contextmanager
def join_process_group(environment: Mapping[str, str]) -> Iterator[World]:
    """Yield the processes that torchrun started with this one; without torchrun, this one alone."""
    size = int(environment.get("WORLD_SIZE", "1"))
    if size == 1:
        yield SINGLE_PROCESS
        return
    world = World(
        int(environment["RANK"]),
        size,
        int(environment.get("LOCAL_RANK", "0")),
        int(environment.get("LOCAL_WORLD_SIZE", "1")),
    )
    if torch.cuda.is_available():
        torch.cuda.set_device(world.device)
    # gloo beside nccl: objects are exchanged through the CPU's memory
    dist.init_process_group(
        "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo", timeout=_TIMEOUT
    )
    try:
        yield world
    finally:
        dist.destroy_process_group()


def torchrun_command(
    environment: Mapping[str, str], gpus: int, script: Path, arguments: list[str]
) -> list[str] | None:
    """Return the command that starts this training on all its hosts and GPUs.

    None if there is only one host with at most one GPU, or if torchrun has started this process.
    """
    if "RANK" in environment:
        return None
    hosts = json.loads(environment.get("SM_HOSTS") or "[]")
    processes = max(1, gpus)  # on each host
    if len(hosts) <= 1 and processes == 1:
        return None
    node_rank = hosts.index(environment["SM_CURRENT_HOST"]) if len(hosts) > 1 else 0
    first = environment.get("MASTER_ADDR") or (hosts[0] if len(hosts) > 1 else "127.0.0.1")
    return [
        sys.executable, "-m", "torch.distributed.run",
        "--nnodes", str(max(1, len(hosts))), "--node_rank", str(node_rank),
        "--nproc_per_node", str(processes),
        "--master_addr", first, "--master_port", environment.get("MASTER_PORT") or PORT,
        str(script), *arguments,
    ]  # fmt: skip


def restart_under_torchrun(script: Path, arguments: list[str]) -> None:
    """Replace this process by torchrun if the training is to have several processes."""
    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if command := torchrun_command(os.environ, gpus, script, arguments):
        os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // max(1, gpus))))
        os.execv(command[0], command)  # noqa: S606  # signals then reach torchrun, which passes on
