"""`kennel destroy`, first half: delete the stack with `sam delete`."""

import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from kennel.errors import KennelError
from kennel.paths import ROOT

#: Runs a command line to its end, its output shown, and returns its exit status.
RunCommand = Callable[[Sequence[str]], int]


def run(command: Sequence[str]) -> int:
    """Run a command with this terminal's input; its output goes to standard error.

    Standard output is for the leftovers alone: with --json a program reads it.
    """
    return subprocess.run(command, check=False, stdout=2).returncode


def find_sam(root: Path = ROOT) -> str:
    """Return the path of SAM's command line: `make tools` puts it into .venv-tools.

    Raises
    ------
    KennelError
        If it is neither there nor on PATH.
    """
    installed = root / ".venv-tools" / "bin" / "sam"
    sam = str(installed) if installed.exists() else shutil.which("sam")
    if sam is None:
        raise KennelError("there is no sam command: `make tools` installs it")
    return sam


def delete_stack(
    stack_name: str, region: str, profile: str, *, yes: bool, run: RunCommand, sam: str
) -> None:
    """Run `sam delete`, which asks for confirmation unless `yes`.

    Raises
    ------
    KennelError
        If it failed.
    """
    command = [sam, "delete", "--stack-name", stack_name]
    command += ["--region", region] if region else []
    command += ["--profile", profile] if profile else []
    command += ["--no-prompts"] if yes else []
    if status := run(command):
        raise KennelError(
            f"`{' '.join(command)}` ended with status {status} (its reason is above): remove the "
            "cause and run this command again, which also lists what is left"
        )
