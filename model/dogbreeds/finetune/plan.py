"""Choose the photos of each step and the random numbers of their augmentation.

Both are functions of (seed, step) alone. There is no random state, so a resumed run continues
exactly, and each of N processes takes its share of the batches that one process would take.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

DRAWS = 8  # uniform numbers for each photo in each step; augment.py says what for


@dataclass(frozen=True)
class Plan:
    """The order in which a run visits its photos, shared among processes.

    Raises
    ------
    ValueError
        The batch cannot be shared evenly; the message says what fits.
    """

    photos: int
    batch_size: int  # over all processes
    seed: int
    rank: int = 0
    world: int = 1

    def __post_init__(self) -> None:
        if self.photos < self.world:
            raise ValueError(f"{self.photos} photos cannot be shared by {self.world} processes.")
        if self.batch_size % self.world:
            raise ValueError(
                f"A batch of {self.batch_size} photos cannot be shared evenly by {self.world} "
                f"processes; choose a multiple of {self.world}."
            )

    @property
    def batch(self) -> int:
        """Photos in a step over all processes: `batch_size`, or all photos if there are fewer."""
        return min(self.batch_size, self.photos // self.world * self.world)

    @property
    def steps(self) -> int:
        """Steps in an epoch; an incomplete last batch is dropped."""
        return self.photos // self.batch

    def epoch(self, epoch: int, first: int = 0) -> list[list[int]]:
        """Return this process's photos in each step of an epoch, from its step `first` on."""
        order = np.random.default_rng([self.seed, 0, epoch]).permutation(self.photos)
        rows = order[: self.steps * self.batch].astype(np.int64).reshape(self.steps, self.batch)
        return [[int(index) for index in row] for row in rows[first:, self._own]]

    def draws(self, step: int) -> Tensor:
        """Return this process's uniform numbers for a step, float32 [B, DRAWS]."""
        random = np.random.default_rng([self.seed, 1, step])
        return torch.from_numpy(random.random((self.batch, DRAWS), np.float32)[self._own])

    def share(self, step: int, mixup: float) -> float:
        """Return the weight of each photo in a step's blend; 1 without mixup."""
        if not mixup:
            return 1.0
        return float(np.random.default_rng([self.seed, 2, step]).beta(mixup, mixup))

    @property
    def _own(self) -> slice:
        share = self.batch // self.world
        return slice(self.rank * share, (self.rank + 1) * share)
