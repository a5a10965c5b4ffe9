"""What an epoch came to, where it is looked for: the log, which tuning reads, and TensorBoard."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from dogbreeds.network.head import EpochResult
from dogbreeds.training.scalars import Scalars
from dogbreeds.training.search import objective_line


@contextmanager
def epoch_log(folder: Path) -> Iterator[Callable[[EpochResult], None]]:
    """Yield a function to call with each epoch's result; TensorBoard's file lies in `folder`."""
    with Scalars(folder) as scalars:

        def tell(result: EpochResult) -> None:
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

        yield tell
