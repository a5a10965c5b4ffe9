"""`kennel train` and `kennel evaluate`: run the scripts of `model/` as SageMaker runs them.

Each script runs in a process of its own, with the files, flags and exit statuses that it has in a
training container or on an EC2 machine.
"""

import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

from kennel.errors import KennelError
from kennel.paths import MODEL, PYTHON, STATE

_GRACE_SECONDS = 10.0  # between SIGTERM and SIGKILL


def train(photos: Path, out: Path, options: Sequence[str], scripts: Path = MODEL) -> int:
    """Run model/train.py on `photos`; return its exit status, whose reason is on stderr.

    Parameters
    ----------
    out : Path
        Folder for what the script writes: model.tar.gz, report.html, audit.json and the rest.
    options : sequence of str
        Further flags of model/train.py.
    scripts : Path
        The folder that holds the script.

    Raises
    ------
    KennelError
        If a signal ended the script.
    """
    return _run(scripts / "train.py", ["--data", str(photos), "--out", str(out), *options])


def evaluate(
    model: Path,
    photos: Path,
    not_dogs: Path | None,
    options: Sequence[str],
    scripts: Path = MODEL,
) -> int:
    """Run model/evaluate.py on labelled photos; return its exit status.

    Raises
    ------
    KennelError
        If a signal ended the script.
    """
    arguments = ["--model", str(model), "--data", str(photos)]
    if not_dogs:
        arguments += ["--notdogs", str(not_dogs)]
    return _run(scripts / "evaluate.py", [*arguments, *options])


def _run(script: Path, arguments: list[str]) -> int:
    """Run a script to its end, with this process's output; return its exit status."""
    # Cached features are keyed by content, so that all trainings on this machine can share them.
    environment = {"KENNEL_CACHE": str(STATE / "cache"), **os.environ}
    process = subprocess.Popen([PYTHON, script, *arguments], env=environment)
    try:
        status = process.wait()
    except BaseException:  # Ctrl-C reaches the script too, SIGTERM only this process
        process.terminate()
        try:
            process.wait(_GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        raise
    if status < 0:
        name = signal.Signals(-status).name
        hint = " (Linux does so when memory runs out)" if -status == signal.SIGKILL else ""
        raise KennelError(f"{script.name} was ended by {name}{hint} before it was done")
    return status
