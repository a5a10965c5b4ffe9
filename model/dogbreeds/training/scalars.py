"""Curves of a run for TensorBoard: `tensorboard --logdir OUT/tensorboard` while it trains.

with Scalars(out / "tensorboard") as scalars:
    scalars.add(epoch, {"loss/train": 0.4, "loss/valid": 0.5})
"""

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from tensorboardX import SummaryWriter  # type: ignore[import-untyped]

FLUSH = 10  # seconds until a value is on disk; TensorBoard itself reloads every 30


class Scalars:
    """Numbers by name and step, in a file that TensorBoard reads.

    Parameters
    ----------
    folder : Path
        Made if it is not there. Each run adds a file: give each a folder of its own.
    """

    def __init__(self, folder: Path) -> None:
        self._writer = SummaryWriter(str(folder), flush_secs=FLUSH)

    def add(self, step: int, values: Mapping[str, float]) -> None:
        """Add the values of a step or epoch; names with "/" are grouped by what is before it."""
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._writer.close()
