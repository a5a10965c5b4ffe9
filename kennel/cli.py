"""The command line `kennel`: its commands, `train` and `evaluate`, and its exit statuses."""

import errno
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console

from kennel import train as scripts
from kennel.errors import KennelError
from kennel.photo_files import NoPhotosError
from kennel.suggestions import SuggestingGroup

#: The function of each command that is not in this module.
_ELSEWHERE = {
    "up": "kennel.cloud_commands:up",
    "down": "kennel.cloud_commands:down",
    "env": "kennel.env:env",
    "classify": "kennel.classify:classify",
    "demo": "kennel.cloud_commands:demo",
    "export": "kennel.export:export",
    "release": "kennel.release_commands:run_release",
    "rollback": "kennel.release_commands:run_rollback",
    "label-queue": "kennel.label_queue:label_queue",
    "photos": "kennel.photos:photos",
    "preflight": "kennel.aws_commands:preflight",
    "batch": "kennel.aws_commands:run_batch",
    "destroy": "kennel.aws_commands:run_destroy",
    "status": "kennel.status.command:status",
    "plan": "kennel.planner.cli:plan",
    "doctor": "kennel.doctor:doctor",
}


class _Commands(SuggestingGroup):
    """Commands, each imported only when it is called: boto3 alone takes 0.4 s."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        # By name only, so that they are listed, and suggested for a misspelt one.
        self.commands = {**dict.fromkeys(_ELSEWHERE), **self.commands}  # type: ignore[dict-item]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in _ELSEWHERE:
            return super().get_command(ctx, cmd_name)
        module, function = _ELSEWHERE[cmd_name].split(":")
        single = typer.Typer(add_completion=False)
        single.command(cmd_name)(getattr(import_module(module), function))
        return typer.main.get_command(single)


app = typer.Typer(
    cls=_Commands,
    no_args_is_help=True,
    help="Train, deploy and call a dog breed API: on AWS, or on this machine without an account.",
)
screen = Console(stderr=True)
#: Errors of a disk that a person can mend; any other OSError is raised, with its traceback.
_OF_THE_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES)

#: Lets a command pass all flags to a script.
PASS_FLAGS = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}


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
    all_: Annotated[
        bool,
        typer.Option("--all", help="Take every photo, not only those that training leaves out."),
    ] = False,
    accept: Annotated[
        list[str] | None,
        typer.Option(help="Go on in spite of this kind of finding of the audit; repeatable."),
    ] = None,
) -> None:
    """Measure a model package on labelled photos: accuracy, calibration, dog or not.

    The last line is JSON.
    """
    raise typer.Exit(scripts.evaluate(model, data, notdogs, all_photos=all_, accept=accept or ()))


def _terminate(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def _end(sentence: str) -> NoReturn:
    screen.print(f"kennel: {sentence}", style="red", markup=False, highlight=False, soft_wrap=True)
    sys.exit(1)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command; an error that a person can mend is printed as one line, with exit status 1.

    Parameters
    ----------
    arguments
        The command line without the program's name; by default the process's own.
    """
    signal.signal(signal.SIGTERM, _terminate)  # so that `with` blocks stop what they started
    try:
        app(arguments)
    except (KennelError, NoPhotosError) as error:
        _end(str(error))
    except OSError as error:
        if error.errno not in _OF_THE_DISK:
            raise
        _end(f"{error.filename or 'the output cannot be written'}: {error.strerror}")
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
