"""Write why a training failed where SageMaker looks for it: the job's FailureReason.

AWS's training toolkit finds the reason only in lines that name one of Python's own exceptions, and
a sentence for people names none; the job then says `ErrorMessage ""`. But the toolkit keeps a file
`output/failure` that exists before it ends, so the script writes that file itself.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dogbreeds.package.archive import whole_file

MAX_CHARACTERS = 1024  # what DescribeTrainingJob shows


@contextmanager
def record_failure_reason() -> Iterator[None]:
    """Write the reason for which this block fails to SM_OUTPUT_DIR, if that is set.

    The reason of a `SystemExit` is its sentence; of any other exception, its name and message.
    """
    try:
        yield
    except SystemExit as error:
        if isinstance(error.code, str):
            _write(error.code)
        raise
    except BaseException as error:  # raised again for the traceback
        _write(f"{type(error).__name__}: {error}")
        raise


def _write(reason: str) -> None:
    if folder := os.environ.get("SM_OUTPUT_DIR"):
        with whole_file(Path(folder) / "failure") as temporary:
            temporary.write_text(reason[:MAX_CHARACTERS], "utf-8")
