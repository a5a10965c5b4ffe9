"""`kennel train`, `evaluate` and `export`: run the scripts of `model/` as SageMaker runs them.

Each script runs in a process of its own, with the files, flags and exit statuses that it has in a
training container or on an EC2 machine.
"""

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from kennel.errors import KennelError
from kennel.paths import MODEL, PYTHON, STATE

_QUIET_SECONDS = 2.0  # after a signal, before a message says what is waited for
_PROGRAM = "KENNEL_PROGRAM"  # the variable with the command that the script's --help names


def train(arguments: Sequence[str], scripts: Path = MODEL) -> int:
    """Run model/train.py with these arguments; return its exit status, whose reason is on stderr.

    Parameters
    ----------
    scripts : Path
        The folder that holds the script.

    Raises
    ------
    KennelError
        If a signal ended the script.
    """
    return run_script(scripts / "train.py", list(arguments))


def kennel_as_called() -> str:
    """Return how to call `kennel` from the same shell again."""
    called = sys.argv[0]
    is_on_path = Path(shutil.which("kennel") or "/nowhere").absolute() == Path(called).absolute()
    return shlex.quote(called if Path(called).name == "kennel" and not is_on_path else "kennel")


def training_flags(scripts: Path = MODEL) -> list[str]:
    """Return the flags of model/train.py."""
    command = [str(PYTHON), str(scripts / "train.py"), "--help"]
    text = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    return sorted(set(re.findall(r"^ +(--[a-z-]+)", text, re.MULTILINE)))


def evaluate(
    model: Path,
    photos: Path,
    not_dogs: Path | None,
    scripts: Path = MODEL,
    *,
    all_photos: bool = False,
    accept: Sequence[str] = (),
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
    arguments += ["--all"] * all_photos
    for kind in accept:
        arguments += ["--accept", kind]
    return run_script(scripts / "evaluate.py", arguments)


def run_script(script: Path, arguments: list[str]) -> int:
    """Run a script to its end, with this process's output; return its exit status."""
    # Cached features are keyed by content, so that all trainings on this machine can share them.
    environment = {
        "KENNEL_CACHE": str(STATE / "cache"),
        _PROGRAM: f"{kennel_as_called()} {script.stem}",
        **os.environ,
    }
    process = subprocess.Popen([PYTHON, script, *arguments], env=environment)
    try:
        status = process.wait()
    except BaseException:  # Ctrl-C reaches the script too, SIGTERM only this process
        _end(process, script.name)
        raise
    if status < 0:
        name = signal.Signals(-status).name
        hint = " (Linux does so when memory runs out)" if -status == signal.SIGKILL else ""
        raise KennelError(f"{script.name} was ended by {name}{hint} before it was done")
    return status


def _end(process: "subprocess.Popen[bytes]", name: str) -> None:
    """Send the script SIGTERM, and wait until it has finished its step and saved a checkpoint.

    A second signal to this process kills the script.
    """
    process.terminate()
    try:
        try:
            process.wait(_QUIET_SECONDS)
        except subprocess.TimeoutExpired:
            print(
                f"kennel: waiting for {name} to end its step; Ctrl-C again ends it at once",
                file=sys.stderr,
                flush=True,
            )
            process.wait()
    except BaseException:
        process.kill()
        process.wait()
        raise
