"""Classify photos with a model package on this machine, in a process of model/classify.py."""

import json
import os
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

import typer
from rich.console import Console

from kennel.answer import Answer
from kennel.paths import MODEL, PYTHON


def classify(
    photos: Sequence[Path],
    package: Path,
    screen: Console,
    scripts: Path = MODEL,
    *,
    top: int | None = None,
    explain: bool = False,
) -> list[Answer]:
    """Return the answer for each photo; one that cannot be classified says why.

    Parameters
    ----------
    scripts : Path
        The folder that holds the script.
    top : int, optional
        Number of breeds in an answer; None for the model's own.
    explain : bool
        Make heat maps.

    Raises
    ------
    typer.Exit
        With the script's exit status, if it ended before the last answer: it has said why on
        stderr.
    """
    script = [str(PYTHON), str(scripts / "classify.py"), "--model", str(package)]
    asked = [f"--top={top}"] * bool(top) + ["--explain"] * explain
    command = [*script, "--json", *asked, "--files0-from", "-"]
    answers: list[Answer] = []
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin and process.stdout  # noqa: S101  # both are pipes
        try:
            with process.stdin as names:
                names.write(b"".join(os.fsencode(photo) + b"\0" for photo in photos))
        except BrokenPipeError:  # it has ended, and said why
            pass
        try:
            lines: Iterable[bytes] = process.stdout
            if screen.is_terminal and len(photos) > 1:
                from rich.progress import track  # noqa: PLC0415  # 0.05 s

                lines = track(lines, "classifying", total=len(photos), console=screen)
            answers = [Answer(**json.loads(line)) for line in lines]
        except BaseException:  # Ctrl-C reaches the script too, SIGTERM only this process
            process.terminate()
            raise
    if len(answers) < len(photos):
        raise typer.Exit(process.returncode or 1)
    return answers
