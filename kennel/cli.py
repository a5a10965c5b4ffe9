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
from kennel.suggestions import SuggestingGroup

app = typer.Typer(
    cls=SuggestingGroup,
    no_args_is_help=True,
    add_completion=False,
    help="Train, deploy and call a dog breed API: on AWS, or on this machine without an account.",
)
screen = Console(stderr=True)

#: Lets a command pass all flags to a script.
PASS_FLAGS = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}

app.command()(cloud_commands.up)
app.command()(cloud_commands.down)
app.command()(cloud_commands.classify)
app.command()(cloud_commands.demo)


@app.command(context_settings=PASS_FLAGS, add_help_option=False)
def train(context: typer.Context) -> None:
    """Train a model on folders of labelled photos: audit, train, calibrate, report."""
    # The script knows its settings, and explains them: `kennel train --help`.
    raise typer.Exit(scripts.train(context.args))


@app.command()
def evaluate(
    model: Annotated[Path, typer.Argument(help="Model package, model.tar.gz.")],
    data: Annotated[Path, typer.Option(help="Labelled photos, a folder for each breed.")],
    notdogs: Annotated[Path | None, typer.Option(help="Folder of photos without a dog.")] = None,
) -> None:
    """Measure a model package on labelled photos: accuracy, calibration, dog or not.

    The last line is JSON.
    """
    raise typer.Exit(scripts.evaluate(model, data, notdogs))


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
