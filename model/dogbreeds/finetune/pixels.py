"""Where a step's pixels come from: GPU memory, the cache's files, or worker processes.

All three give the same pixels for the same photos; which one is a matter of room.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from dogbreeds.finetune.cache import Cached, View, open_cache, square_of

GPU_SHARE = 0.5  # of the GPU's free memory that photos may take; the network needs the rest
_AHEAD = 4  # batches that each worker holds ready, where there is room


class Pixels(Protocol):
    """The photos of a split."""

    def __len__(self) -> int: ...

    def batches(self, plan: Iterable[Sequence[int]]) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield uint8 [B, side, side, 3] and aspects float32 [B] for each batch of `plan`."""
        ...


@dataclass(frozen=True)
class Kept:
    """Pixels in files that the operating system keeps in memory as far as there is room."""

    cached: Cached
    device: torch.device

    def __len__(self) -> int:
        return len(self.cached)

    def batches(self, plan: Iterable[Sequence[int]]) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield batches, copied from the files."""
        for chosen in plan:
            pixels = torch.from_numpy(self.cached.rows(chosen))
            aspects = torch.from_numpy(self.cached.aspects[list(chosen)])
            yield pixels.to(self.device), aspects.to(self.device)


class OnGpu:
    """All pixels in the GPU's memory: a batch is one gather there, and nothing travels."""

    def __init__(self, cached: Cached, device: torch.device) -> None:
        side = cached.side
        self._pixels = torch.empty(len(cached), side, side, 3, dtype=torch.uint8, device=device)
        for start in range(0, len(cached), 1024):
            rows = range(start, min(start + 1024, len(cached)))
            self._pixels[start : rows.stop] = torch.from_numpy(cached.rows(rows)).to(device)
        self._aspects = torch.from_numpy(cached.aspects).to(device)

    def __len__(self) -> int:
        return len(self._pixels)

    def batches(self, plan: Iterable[Sequence[int]]) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield batches, gathered on the GPU."""
        for chosen in plan:
            places = torch.as_tensor(chosen)
            if self._pixels.is_cuda:
                places = places.pin_memory().to(self._pixels.device, non_blocking=True)
            yield self._pixels[places], self._aspects[places]


class Decoding(Dataset[tuple[Tensor, float]]):
    """Photos that are decoded by worker processes whenever they are wanted."""

    def __init__(
        self,
        photos: Sequence[Path],
        view: View,
        device: torch.device,
        workers: int,
        room: float = math.inf,
    ) -> None:
        self._photos, self._view = list(photos), view
        self._device, self._workers, self._room = device, workers, room

    def __len__(self) -> int:
        return len(self._photos)

    def __getitem__(self, place: int) -> tuple[Tensor, float]:
        pixels, aspect = square_of(self._photos[place], self._view)
        return torch.from_numpy(np.ascontiguousarray(pixels).copy()), aspect

    def batches(self, plan: Iterable[Sequence[int]]) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield batches in the plan's order, decoded ahead by the workers."""
        batches = [list(map(int, chosen)) for chosen in plan]
        largest = max(map(len, batches), default=0) * self._view.bytes_each
        workers, ahead = ahead_of(self._workers, largest, self._room)
        more: dict[str, Any] = {"prefetch_factor": ahead} if workers else {}
        # fork: a view is a function, which a spawned process could not be given
        more |= {"multiprocessing_context": "fork"} if workers else {}
        loader = DataLoader(
            self,
            batch_sampler=batches,
            num_workers=workers,
            pin_memory=self._device.type == "cuda",
            **more,
        )
        for pixels, aspects in loader:
            yield (
                pixels.to(self._device, non_blocking=True),
                aspects.float().to(self._device, non_blocking=True),
            )


def ahead_of(workers: int, batch: int, room: float) -> tuple[int, int]:
    """Return how many workers there are, and how many batches each holds ready.

    All that they hold stays within `room`, except for what one worker needs.

    Parameters
    ----------
    workers : int
        That there may be.
    batch : int
        Bytes of the largest batch.
    room : float
        Bytes of host memory. A batch in the making is there twice: its photos, and all as one.
    """
    if not workers or not batch or room == math.inf:
        return workers, _AHEAD
    most = max(1, int(room // (3 * batch)))  # one ready and one in the making, each
    workers = min(workers, most)
    return workers, max(1, min(_AHEAD, int(room // (batch * workers)) - 2))


def fits(photos: int, view: View, host_gb: float) -> bool:
    """Return whether `photos` photos are to be kept decoded."""
    return photos * view.bytes_each <= host_gb * 1e9


def pixels_of(
    photos: Sequence[Path],
    view: View,
    *,
    cache: Path,
    device: torch.device,
    threads: int,
    host_gb: float,
    processes: int = 1,
) -> Pixels:
    """Return the fastest source that has room for `photos`.

    Parameters
    ----------
    threads, host_gb : int, float
        Of this host; `processes` share them.

    Raises
    ------
    PhotoError, OSError
        See `open_cache`.
    """
    size = len(photos) * view.bytes_each
    if not fits(len(photos), view, host_gb):
        workers = max(1, threads // processes)
        return Decoding(photos, view, device, workers, host_gb * 1e9 / processes)
    cached = open_cache(cache, view, photos, threads)
    if device.type == "cuda" and size < GPU_SHARE * torch.cuda.mem_get_info(device)[0]:
        return OnGpu(cached, device)
    return Kept(cached, device)
