"""Provide each step's pixels: from GPU memory, from the cache's files, or from worker processes.

All three give the same pixels for the same photos; `open_pixels` chooses by the memory there is.
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

from dogbreeds.finetune.cache import Cached, View, open_cache
from dogbreeds.photos.decode import LoadPhoto, load_photo

GPU_SHARE = 0.5  # of the GPU's free memory that photos may take; the network needs the rest
_AHEAD = 4  # batches that each worker prefetches, where there is room


class Pixels(Protocol):
    """The photos of a split, in batches."""

    def __len__(self) -> int: ...

    def batches(self, plan: Iterable[Sequence[int]]) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield uint8 [B, side, side, 3] and aspects float32 [B] for each batch of `plan`."""
        ...


@dataclass(frozen=True)
class CachedPixels:
    """Pixels in files, which the operating system holds in memory as far as it has room."""

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


class GpuPixels:
    """All pixels in the GPU's memory: a batch is one gather there, without a transfer."""

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
            rows = torch.as_tensor(chosen)
            if self._pixels.is_cuda:
                rows = rows.pin_memory().to(self._pixels.device, non_blocking=True)
            yield self._pixels[rows], self._aspects[rows]


class DecodedOnDemand(Dataset[tuple[Tensor, float]]):
    """Photos that worker processes decode again in each epoch."""

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

    def __getitem__(self, index: int) -> tuple[Tensor, float]:
        pixels, aspect = self._view.make(load_photo(self._photos[index]))
        return torch.from_numpy(np.ascontiguousarray(pixels).copy()), aspect

    def batches(self, plan: Iterable[Sequence[int]]) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield batches in the plan's order, decoded ahead by the workers."""
        batches = [list(map(int, chosen)) for chosen in plan]
        largest = max(map(len, batches), default=0) * self._view.bytes_each
        workers, ahead = prefetch_plan(self._workers, largest, self._room)
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


def prefetch_plan(workers: int, batch: int, room: float) -> tuple[int, int]:
    """Return the number of workers, and of the batches that each prefetches.

    Together they stay within `room`, unless one worker alone needs more.

    Parameters
    ----------
    workers : int
        At most.
    batch : int
        Bytes of the largest batch.
    room : float
        Bytes of host memory. A batch being collated takes twice its size.
    """
    if not workers or not batch or room == math.inf:
        return workers, _AHEAD
    most = max(1, int(room // (3 * batch)))  # one ready and one being collated, for each
    workers = min(workers, most)
    return workers, max(1, min(_AHEAD, int(room // (batch * workers)) - 2))


def fits_in_memory(photos: int, view: View, host_gb: float) -> bool:
    """Return whether `photos` decoded photos fit into `host_gb` GB."""
    return photos * view.bytes_each <= host_gb * 1e9


def open_pixels(
    photos: Sequence[Path],
    view: View,
    *,
    cache: Path,
    device: torch.device,
    threads: int,
    host_gb: float,
    processes: int = 1,
    load: LoadPhoto = load_photo,
) -> Pixels:
    """Return the fastest source that has room for `photos`.

    Parameters
    ----------
    threads, host_gb : int, float
        Of this host; `processes` share them.
    load : callable
        Reads and decodes a photo that the cache lacks.

    Raises
    ------
    PhotoError, OSError
        See `open_cache`.
    """
    size = len(photos) * view.bytes_each
    if not fits_in_memory(len(photos), view, host_gb):
        workers = max(1, threads // processes)
        return DecodedOnDemand(photos, view, device, workers, host_gb * 1e9 / processes)
    cached = open_cache(cache, view, photos, threads, load)
    if device.type == "cuda" and size < GPU_SHARE * torch.cuda.mem_get_info(device)[0]:
        return GpuPixels(cached, device)
    return CachedPixels(cached, device)
