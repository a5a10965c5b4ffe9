"""Why a training failed, where SageMaker looks for it: its job's FailureReason.

The training toolkit of AWS finds the reason only in lines that name one of Python's own
exceptions, and a sentence for people names none; then the job says `ErrorMessage ""`. But it keeps
a file `output/failure` that is there before it, so the script writes that itself.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dogbreeds.package.archive import whole_file

MOST = 1024  # characters; what DescribeTrainingJob shows


@contextmanager
def told_to_sagemaker() -> Iterator[None]:
    """Write the reason for leaving this block early, when a SageMaker job runs it.

    `SystemExit` with a sentence gives the sentence; any other exception its name and message.
    """
    try:
        yield
    except SystemExit as ending:
        if isinstance(ending.code, str):
            _tell(ending.code)
        raise
    except BaseException as error:  # told here, and raised again for the traceback
        _tell(f"{type(error).__name__}: {error}")
        raise


def _tell(reason: str) -> None:
    if folder := os.environ.get("SM_OUTPUT_DIR"):
        with whole_file(Path(folder) / "failure") as temporary:
            temporary.write_text(reason[:MOST], "utf-8")
