"""Log each epoch: a line on standard output, which tuning reads, and curves for TensorBoard.

`tensorboard --logdir OUT/tensorboard` shows the curves while a training runs.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from tensorboardX import SummaryWriter  # type: ignore[import-untyped]

from dogbreeds.network.head import EpochResult
from dogbreeds.training.search import objective_line

FLUSH = 10  # seconds until a value is on disk; TensorBoard itself reloads every 30


class Scalars:
    """Write numbers by name and step to a file that TensorBoard reads.

    Parameters
    ----------
    folder : Path
        Made if it is not there. Each run adds a file: give each a folder of its own.
    """

    def __init__(self, folder: Path) -> None:
        self._writer = SummaryWriter(str(folder), flush_secs=FLUSH)

    def add(self, step: int, values: Mapping[str, float]) -> None:
        """Add the values of a step or epoch; names are grouped by what is before their "/"."""
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


@contextmanager
def epoch_log(folder: Path) -> Iterator[Callable[[EpochResult], None]]:
    """Yield a function that logs an epoch's result; TensorBoard's file lies in `folder`."""
    with Scalars(folder) as scalars:

        def log(result: EpochResult) -> None:
            print(objective_line(result), flush=True)
            scalars.add(
                result.epoch,
                {
                    "loss/train": result.train_loss,
                    "loss/valid": result.valid_loss,
                    "top1/train": result.train_top1,
                    "top1/valid": result.valid_top1,
                },
            )

        yield log
