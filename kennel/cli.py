"""The command line: `kennel --help`."""

import contextlib
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer
from rich.console import Console

from kennel import aws_commands, running_cloud
from kennel import demo as demonstration
from kennel import train as scripts
from kennel.client import classify as send
from kennel.cloud.cloud import Cloud
from kennel.errors import KennelError
from kennel.execution import bring_up_endpoint, is_in_service
from kennel.local_cloud import local_cloud
from kennel.planner.cli import plan
from kennel.tables import answers_table, photos_of

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Kennel: which breed is the dog in this photo? On AWS, and the same, whole, offline.",
)
screen = Console(stderr=True)

Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
Passing = {"allow_extra_args": True, "ignore_unknown_options": True}  # flags for a script
Port = Annotated[int, typer.Option(help="Port of the gateway; 0 takes a free one.")]


@app.command()
def up(
    port: Port = 4510,
    bind: Annotated[
        str,
        typer.Option(help="Address to listen on; a private one lets `sam local` containers in."),
    ] = "127.0.0.1",
    fresh: Annotated[bool, typer.Option(help="Forget what an earlier `kennel up` left.")] = False,
    keep_logs: Annotated[
        bool, typer.Option(help="Leave the logs at the end, until the next start.")
    ] = False,
    json_: Json = False,
) -> None:
    """Start the offline cloud and stay until Ctrl-C.

    What was there before is there again; the first time the pretrained model is released.
    """
    running_cloud.refuse_second()
    with _cloud(port, bind, running_cloud.STATE_FOLDER, fresh, keep_logs) as cloud:
        if is_in_service(cloud):
            screen.print("The endpoint serves what it served before: --fresh forgets it.")
        else:
            bring_up_endpoint(cloud, screen)
        with running_cloud.announced(cloud) as place:
            print(place.as_json() if json_ else place.as_text(), flush=True)
            with contextlib.suppress(KeyboardInterrupt):
                signal.pause()


@app.command()
def down(
    delete: Annotated[
        bool, typer.Option("--delete", help="Delete the stack first, as CloudFormation does.")
    ] = False,
) -> None:
    """End the offline cloud that `kennel up` started."""
    if delete:
        for kept in running_cloud.delete_stack():
            screen.print(f"kept, as the template says: {kept}")
    running_cloud.end()


@app.command()
def classify(
    photos: Annotated[list[Path], typer.Argument(help="Photos, or folders of photos.")],
    url: Annotated[str, typer.Option(help="The API's address; else a running `kennel up`.")] = "",
    key: Annotated[str, typer.Option(help="API key.", envvar="KENNEL_API_KEY")] = "",
    json_: Json = False,
) -> None:
    """Say which breed is in each photo.

    Without --url it asks the running `kennel up`, or starts the offline cloud for these photos.
    """
    files = photos_of(photos)
    with contextlib.ExitStack() as stack:
        place = running_cloud.Place(url, key) if url else running_cloud.find()
        if place is None:
            screen.print("No Kennel is up: starting one for this (`kennel up` keeps one).")
            cloud = stack.enter_context(_cloud(0))
            bring_up_endpoint(cloud, screen)
            place = running_cloud.Place(cloud.api_url, cloud.api_key)
        answers = send(files, place.api_url, place.api_key, screen)
    if json_:
        for answer in answers:
            print(answer.as_json())
    else:
        Console().print(answers_table(answers))
    if any(answer.problem for answer in answers):
        raise typer.Exit(1)


@app.command()
def demo(
    photos: Annotated[
        Path | None, typer.Option(help="Your own photos: a photo or a folder of them.")
    ] = None,
    port: Port = 0,
    keep: Annotated[
        bool | None, typer.Option(help="Stay up afterwards; by default on a terminal only.")
    ] = None,
) -> None:
    """Show all of Kennel at work on real photos; the last line is JSON."""
    stay = sys.stdout.isatty() if keep is None else keep
    started = time.perf_counter()
    shown = demonstration.own(photos) if photos else demonstration.samples()
    with _cloud(port) as cloud:
        ok = demonstration.run(cloud, screen, shown, stay, started)
        if stay:
            with contextlib.suppress(KeyboardInterrupt):
                signal.pause()
    raise typer.Exit(0 if ok else 1)


@app.command(context_settings=Passing)
def train(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(help="Photos: train/ valid/ test/, or breeds.")],
    out: Annotated[Path, typer.Option(help="Folder for the package and the report.")],
    tune: Annotated[int, typer.Option(help="Tries of the search for settings.")] = 0,
    accept: Annotated[
        list[str] | None, typer.Option(help="Go on in spite of this finding of the audit.")
    ] = None,
) -> None:
    """Turn folders of labelled photos into a model package: audit, train, calibrate, report.

    All other flags go to model/train.py; `python model/train.py --help` lists them.
    """
    options = [*(["--tune", str(tune)] if tune else []), *context.args]
    for kind in accept or []:
        options += ["--accept", kind]
    raise typer.Exit(scripts.train(folder, out, options))


@app.command(context_settings=Passing)
def evaluate(
    context: typer.Context,
    model: Annotated[Path, typer.Argument(help="A package: model.tar.gz.")],
    data: Annotated[Path, typer.Option(help="Labelled photos: a folder for each breed.")],
    notdogs: Annotated[Path | None, typer.Option(help="Photos without a dog.")] = None,
) -> None:
    """Say how good a model package is on labelled photos; the last line is JSON."""
    raise typer.Exit(scripts.evaluate(model, data, notdogs, context.args))


app.command()(aws_commands.preflight)
app.command("batch")(aws_commands.run_batch)
app.command("destroy")(aws_commands.run_destroy)
app.command()(plan)


@contextlib.contextmanager
def _cloud(
    port: int,
    host: str = "127.0.0.1",
    state: Path | None = None,
    fresh: bool = False,
    keep_logs: bool = False,
) -> Iterator[Cloud]:
    with contextlib.ExitStack() as stack:
        stack.enter_context(running_cloud.own_temporary_files())
        with screen.status("starting the offline cloud") as status:
            starting = local_cloud(
                port=port,
                host=host,
                state=state,
                fresh=fresh,
                keep_logs=keep_logs,
                faults=running_cloud.read_faults(),
                report=status.update,
            )
            cloud = stack.enter_context(starting)
        yield cloud


def _terminate(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def main() -> None:
    """Run the command line; a KennelError is one line and exit status 1."""
    signal.signal(signal.SIGTERM, _terminate)  # so that `with` blocks end what they started
    try:
        app()
    except KennelError as error:
        screen.print(f"kennel: {error}", style="red", markup=False, highlight=False, soft_wrap=True)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
