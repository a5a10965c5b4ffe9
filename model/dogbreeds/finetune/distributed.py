"""One process or many: how a training learns which, and what the processes tell each other.

torchrun says it by RANK, WORLD_SIZE and LOCAL_RANK. SageMaker says it by SM_HOSTS,
SM_CURRENT_HOST and SM_NUM_GPUS; where its toolkit has not started torchrun itself
(`sagemaker_torch_distributed_enabled`), `restart_under_torchrun` does, in this process's place.
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
_PATIENCE = timedelta(hours=6)  # the others wait while the first audits and packages


@dataclass(frozen=True)
class _Ended:
    """What the first process tells instead when it cannot go on."""

    why: str


@dataclass(frozen=True)
class World:
    """The processes of a training, and which one this is."""

    rank: int = 0
    size: int = 1
    local_rank: int = 0
    on_this_host: int = 1  # processes

    @property
    def first(self) -> bool:
        """Whether this process writes files and talks."""
        return self.rank == 0

    @property
    def device(self) -> torch.device:
        """The GPU of this process, or the processor."""
        if torch.cuda.is_available():
            return torch.device("cuda", self.local_rank % torch.cuda.device_count())
        return torch.device("cpu")

    def sums(self, values: list[float]) -> list[float]:
        """Return the sums of `values` over all processes."""
        if self.size == 1:
            return values
        device = self.device if dist.get_backend() == "nccl" else torch.device("cpu")
        tensor = torch.tensor(values, dtype=torch.float64, device=device)
        dist.all_reduce(tensor)
        return [float(value) for value in tensor.tolist()]

    def wait(self) -> None:
        """Wait until all processes are here."""
        self.gathered(None)

    def gathered(self, value: Any) -> list[Any]:
        """Return every process's value, by rank."""
        if self.size == 1:
            return [value]
        box: list[Any] = [None] * self.size
        dist.all_gather_object(box, value)
        return box

    def told(self, value: Any) -> Any:
        """Return what the first process gives here; the others' value is not read.

        Raises
        ------
        DataError
            The first process has ended within `telling_why`; the message is its own.
        """
        if self.size == 1:
            return value
        box = [value]
        dist.broadcast_object_list(box, device=torch.device("cpu"))
        if isinstance(box[0], _Ended) and not self.first:
            raise DataError(box[0].why)
        return box[0]

    @contextmanager
    def telling_why(self) -> Iterator[None]:
        """In the first process, while the others wait in `told`: let them end with its reason.

        A job of several hosts shows the reason of one of them, and not always the first one's.
        """
        try:
            yield
        except Exception as error:
            self.told(_Ended(str(error)))
            raise


ALONE = World()


@contextmanager
def joined(environment: Mapping[str, str]) -> Iterator[World]:
    """Yield the world that torchrun started this process in, or a world of one."""
    size = int(environment.get("WORLD_SIZE", "1"))
    if size == 1:
        yield ALONE
        return
    world = World(
        int(environment["RANK"]),
        size,
        int(environment.get("LOCAL_RANK", "0")),
        int(environment.get("LOCAL_WORLD_SIZE", "1")),
    )
    if torch.cuda.is_available():
        torch.cuda.set_device(world.device)
    # gloo beside nccl: objects are told through processors' memory
    dist.init_process_group(
        "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo", timeout=_PATIENCE
    )
    try:
        yield world
    finally:
        dist.destroy_process_group()


def torchrun_command(
    environment: Mapping[str, str], gpus: int, script: Path, arguments: list[str]
) -> list[str] | None:
    """Return the command that starts this training on all its hosts and GPUs; None if it is one.

    None, too, in a process that torchrun has started already.
    """
    if "RANK" in environment:
        return None
    hosts = json.loads(environment.get("SM_HOSTS") or "[]")
    each = max(1, gpus)
    if len(hosts) <= 1 and each == 1:
        return None
    place = hosts.index(environment["SM_CURRENT_HOST"]) if len(hosts) > 1 else 0
    first = environment.get("MASTER_ADDR") or (hosts[0] if len(hosts) > 1 else "127.0.0.1")
    return [
        sys.executable, "-m", "torch.distributed.run",
        "--nnodes", str(max(1, len(hosts))), "--node_rank", str(place),
        "--nproc_per_node", str(each),
        "--master_addr", first, "--master_port", environment.get("MASTER_PORT") or PORT,
        str(script), *arguments,
    ]  # fmt: skip


def restart_under_torchrun(script: Path, arguments: list[str]) -> None:
    """Replace this process by torchrun where the training has several processes to be."""
    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if command := torchrun_command(os.environ, gpus, script, arguments):
        os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // max(1, gpus))))
        os.execv(command[0], command)  # noqa: S606  # signals then reach torchrun, which passes on
