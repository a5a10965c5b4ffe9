"""End a script with one sentence, and write it where SageMaker looks for it: FailureReason.

AWS's training toolkit finds the reason only in lines that name one of Python's own exceptions, and
a sentence for people names none; the job then says `ErrorMessage ""`. But the toolkit keeps a file
`output/failure` that exists before it ends, so the script writes that file itself.
"""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dogbreeds.finetune.interrupt import interrupt_on_signal
from dogbreeds.package.archive import whole_file

MAX_CHARACTERS = 1024  # what DescribeTrainingJob shows
_FULL = (errno.ENOSPC, errno.EDQUOT)


@contextmanager
def ending_in_a_sentence(work: str) -> Iterator[None]:
    """End the script with one sentence where its block is interrupted or fails for a known reason.

    Imports belong into the block, so that Ctrl-C in them is one sentence too.

    Parameters
    ----------
    work : str
        What the script does: "the training".
    """
    try:
        with interrupt_on_signal():
            yield
    except KeyboardInterrupt as error:  # first, since the next line imports
        raise SystemExit(
            f"{error or 'Ctrl-C'} ended {work} before it was done; start it again by the same "
            "command."
        ) from error
    except _with_a_sentence() as error:  # looked up when something was raised
        raise SystemExit(str(error)) from error
    except OSError as error:
        raise SystemExit(_of_os_error(error, work.capitalize())) from error


def _with_a_sentence() -> tuple[type[Exception], ...]:
    """Return the errors whose message is for the person who started the script."""
    # only here: importing these takes half a second, in which Ctrl-C would be a traceback
    from dogbreeds.data.layouts import DataError  # noqa: PLC0415
    from dogbreeds.finetune.interrupt import Interrupted  # noqa: PLC0415
    from dogbreeds.package.card import PackageError  # noqa: PLC0415
    from dogbreeds.photos.decode import PhotoError  # noqa: PLC0415
    from dogbreeds.watch.watch import StoppedByRule  # noqa: PLC0415

    return DataError, PhotoError, PackageError, StoppedByRule, Interrupted


def _of_os_error(error: OSError, work: str) -> str:
    reason = error.strerror or str(error)
    written = error.filename2 or error.filename  # of a copy, the first is what was read
    if error.errno not in _FULL:
        return f"{written or work}: {reason}."
    if written:
        return f"{written}: {reason}; make room on that disk, or write to another one."
    return f"{work}: {reason}; make room for its output, its cache and {_temporary()} (TMPDIR)."


def _temporary() -> str:
    return os.environ.get("TMPDIR") or "/tmp"  # noqa: S108  # what tempfile takes


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
