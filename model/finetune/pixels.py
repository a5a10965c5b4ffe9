"""Where a step's pixels come from: GPU memory, a mapped file, or worker processes.

All three give the same pixels for the same photos; which one is a matter of room.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from finetune.cache import Cached, View, open_cache, square_of

GPU_SHARE = 0.5  # of the GPU's free memory that photos may take; the network needs the rest
_AHEAD = 4  # batches that each worker holds ready


class Pixels(Protocol):
    """The photos of a split."""

    def __len__(self) -> int: ...

    def batches(self, plan: Iterable[Sequence[int]]) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield uint8 [B, side, side, 3] and aspects float32 [B] for each batch of `plan`."""
        ...


@dataclass(frozen=True)
class Mapped:
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
        side = cached.files[0].shape[1]
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
        self, photos: Sequence[Path], view: View, device: torch.device, workers: int
    ) -> None:
        self._photos, self._view = list(photos), view
        self._device, self._workers = device, workers

    def __len__(self) -> int:
        return len(self._photos)

    def __getitem__(self, place: int) -> tuple[Tensor, float]:
        pixels, aspect = square_of(self._photos[place], self._view)
        return torch.from_numpy(np.ascontiguousarray(pixels).copy()), aspect

    def batches(self, plan: Iterable[Sequence[int]]) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield batches in the plan's order, decoded ahead by the workers."""
        more: dict[str, Any] = {"prefetch_factor": _AHEAD} if self._workers else {}
        # fork: a view is a function, which a spawned process could not be given
        more |= {"multiprocessing_context": "fork"} if self._workers else {}
        loader = DataLoader(
            self,
            batch_sampler=[list(map(int, chosen)) for chosen in plan],
            num_workers=self._workers,
            pin_memory=self._device.type == "cuda",
            **more,
        )
        for pixels, aspects in loader:
            yield (
                pixels.to(self._device, non_blocking=True),
                aspects.float().to(self._device, non_blocking=True),
            )


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
) -> Pixels:
    """Return the fastest source that has room for `photos`.

    Raises
    ------
    PhotoError, OSError
        See `open_cache`.
    """
    size = len(photos) * view.bytes_each
    if not fits(len(photos), view, host_gb):
        return Decoding(photos, view, device, threads)
    cached = open_cache(cache, view, photos, threads)
    if device.type == "cuda" and size < GPU_SHARE * torch.cuda.mem_get_info(device)[0]:
        return OnGpu(cached, device)
    return Mapped(cached, device)
