"""The command line `kennel`: its commands, `train` and `evaluate`, and its exit statuses."""

import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer
from rich.console import Console

from kennel import aws_commands, cloud_commands, release_commands
from kennel import train as scripts
from kennel.errors import KennelError
from kennel.planner.cli import plan

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Train, deploy and call a dog breed API: on AWS, or on this machine without an account.",
)
screen = Console(stderr=True)

#: Lets a command pass flags that it does not know to a script.
PASS_FLAGS = {"allow_extra_args": True, "ignore_unknown_options": True}

app.command()(cloud_commands.up)
app.command()(cloud_commands.down)
app.command()(cloud_commands.classify)
app.command()(cloud_commands.demo)


@app.command(context_settings=PASS_FLAGS)
def train(
    context: typer.Context,
    folder: Annotated[
        Path,
        typer.Argument(help="Folder with train/ valid/ test/, or with a folder for each breed."),
    ],
    out: Annotated[Path, typer.Option(help="Folder for model.tar.gz and report.html.")],
    tune: Annotated[int, typer.Option(help="Trials of the hyperparameter search.")] = 0,
    accept: Annotated[
        list[str] | None,
        typer.Option(help="Train in spite of this kind of finding of the audit; repeatable."),
    ] = None,
) -> None:
    """Train a model on folders of labelled photos: audit, train, calibrate, report.

    All other flags are passed to model/train.py, and `.venv/bin/python model/train.py --help` lists
    them.
    """
    options = [*(["--tune", str(tune)] if tune else []), *context.args]
    for kind in accept or []:
        options += ["--accept", kind]
    raise typer.Exit(scripts.train(folder, out, options))


@app.command(context_settings=PASS_FLAGS)
def evaluate(
    context: typer.Context,
    model: Annotated[Path, typer.Argument(help="Model package, model.tar.gz.")],
    data: Annotated[Path, typer.Option(help="Labelled photos, a folder for each breed.")],
    notdogs: Annotated[Path | None, typer.Option(help="Folder of photos without a dog.")] = None,
) -> None:
    """Measure a model package on labelled photos: accuracy, calibration, dog or not.

    The last line is JSON. All other flags are passed to model/evaluate.py.
    """
    raise typer.Exit(scripts.evaluate(model, data, notdogs, context.args))


app.command()(aws_commands.preflight)
app.command("release")(release_commands.run_release)
app.command("rollback")(release_commands.run_rollback)
app.command("batch")(aws_commands.run_batch)
app.command("destroy")(aws_commands.run_destroy)
app.command()(plan)


def _terminate(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command; a KennelError is printed as one line, with exit status 1.

    Parameters
    ----------
    arguments
        The command line without the program's name; by default the process's own.
    """
    signal.signal(signal.SIGTERM, _terminate)  # so that `with` blocks stop what they started
    try:
        app(arguments)
    except KennelError as error:
        screen.print(f"kennel: {error}", style="red", markup=False, highlight=False, soft_wrap=True)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
