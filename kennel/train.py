"""`kennel train` and `kennel evaluate`: the scripts of `model/`, run as SageMaker runs them.

They are processes of their own and nothing is imported from them: the same files, the same flags
and the same exit statuses as in a training container or on an EC2 machine.
"""

import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

from kennel.errors import KennelError
from kennel.paths import MODEL, PYTHON, STATE

_GRACE = 10.0  # s for a script to end after it was told to


def train(photos: Path, out: Path, options: Sequence[str], scripts: Path = MODEL) -> int:
    """Train on `photos`; return the script's exit status, 0 or, said on stderr, another.

    Parameters
    ----------
    out : Path
        Folder for model.tar.gz, report.html, audit.json and the rest.
    options : sequence of str
        Further flags of model/train.py.
    scripts : Path
        The folder that holds the script.

    Raises
    ------
    KennelError
        The script was ended from outside.
    """
    return _run(scripts / "train.py", ["--data", str(photos), "--out", str(out), *options])


def evaluate(
    model: Path,
    photos: Path,
    not_dogs: Path | None,
    options: Sequence[str],
    scripts: Path = MODEL,
) -> int:
    """Evaluate a package on labelled photos; return the script's exit status.

    Raises
    ------
    KennelError
        The script was ended from outside.
    """
    arguments = ["--model", str(model), "--data", str(photos)]
    if not_dogs:
        arguments += ["--notdogs", str(not_dogs)]
    return _run(scripts / "evaluate.py", [*arguments, *options])


def _run(script: Path, arguments: list[str]) -> int:
    """Run a script to its end; what it prints goes where ours goes."""
    # Features are kept by content, so every training on this machine may share them.
    environment = {"KENNEL_CACHE": str(STATE / "cache"), **os.environ}
    process = subprocess.Popen([PYTHON, script, *arguments], env=environment)
    try:
        status = process.wait()
    except BaseException:  # Ctrl-C reaches the script too; SIGTERM reaches only us
        process.terminate()
        try:
            process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        raise
    if status < 0:
        name = signal.Signals(-status).name
        why = " (Linux does so when memory runs out)" if -status == signal.SIGKILL else ""
        raise KennelError(f"{script.name} was ended by {name}{why} before it was done.")
    return status
