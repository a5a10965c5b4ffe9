"""The commands of the offline cloud: `kennel up`, `down`, `demo`."""

import contextlib
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console

from kennel import demo as demonstration
from kennel import running_cloud
from kennel.deployed import offline_target
from kennel.errors import KennelError
from kennel.execution import bring_up_endpoint, is_in_service, watch_executions
from kennel.interrupted import wait_for_clean_up
from kennel.package_file import PackageFile, read_package
from kennel.photo_files import LeftOut, left_out_lines
from kennel.progress import show_states
from kennel.release import release_package

if TYPE_CHECKING:
    from kennel.cloud.cloud import Cloud

screen = Console(stderr=True)

STATE_IS_KEPT = "The next `kennel up` has its state again; `kennel up --fresh` deletes it."

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table or text.")]
Port = Annotated[int, typer.Option(help="TCP port of the offline cloud; 0 takes a free one.")]


def up(
    *,
    port: Port = running_cloud.PORT,
    bind: Annotated[
        str,
        typer.Option(
            help="IPv4 address to listen on; containers of `sam local` need a private one."
        ),
    ] = "127.0.0.1",
    fresh: Annotated[
        bool, typer.Option(help="Delete the state of an earlier `kennel up` first.")
    ] = False,
    model: Annotated[
        Path | None,
        typer.Option(help="Model package to release, model.tar.gz; by default what was live."),
    ] = None,
    template: Annotated[
        Path | None,
        typer.Option(
            help="Another project's folder or template to deploy instead of Kennel's, built or not."
        ),
    ] = None,
    parameter_overrides: Annotated[
        list[str] | None, typer.Option(help="Name=Value, of that template's parameters.")
    ] = None,
    stack_name: Annotated[
        str, typer.Option(help="Of that project's stack; by default its folder's name.")
    ] = "",
    empty: Annotated[
        bool, typer.Option("--empty", help="Deploy nothing: for `sam deploy` and boto3.")
    ] = False,
    json_: Json = False,
) -> None:
    """Run the offline cloud until Ctrl-C.

    Its state (S3, models, endpoint, API key) is kept for the next `kennel up`. The first time, and
    whenever no endpoint is in service, the pretrained model is released, unless --model names
    another: that one is released over whatever is live, and `kennel rollback` goes back.
    """
    running_cloud.refuse_second(
        f"`kennel release {model}` releases a model there" if model else "`kennel down` ends it"
    )
    if template or empty:
        if model or (template and empty):
            raise KennelError("--template, --empty and --model exclude each other: give one")
        from kennel.project import find_template, run_project  # noqa: PLC0415  # slow to import

        run_project(
            find_template(template) if template else None,
            parameter_overrides or (),
            stack_name,
            screen,
            port=port,
            bind=bind,
            fresh=fresh,
            as_json=json_,
        )
        return
    if parameter_overrides or stack_name:
        raise KennelError("--parameter-overrides and --stack-name belong to --template: give it")
    package = read_package(model) if model else None
    if fresh:
        shutil.rmtree(running_cloud.STATE_FOLDER, ignore_errors=True)
    started = time.time()
    with started_cloud(port, bind, running_cloud.STATE_FOLDER) as cloud:
        wait_for_clean_up(cloud, started, _say)
        if package or not is_in_service(cloud):
            _try_release(cloud, package)
        else:
            screen.print("The endpoint serves the same model as before: --fresh deletes it.")
        with running_cloud.address_file(cloud) as address:
            print(address.as_json() if json_ else address.as_text(), flush=True)
            screen.print("The offline cloud runs until Ctrl-C or `kennel down`.", highlight=False)
            with contextlib.suppress(KeyboardInterrupt):
                watch_executions(cloud.url, _tell, cloud.ended)
    screen.print(f"The offline cloud has ended. {STATE_IS_KEPT}", highlight=False)


def down(
    delete: Annotated[
        bool, typer.Option("--delete", help="Delete the stack first, as CloudFormation would.")
    ] = False,
) -> None:
    """Stop the offline cloud that `kennel up` runs; its state is kept."""
    if delete:
        kept = running_cloud.delete_stack()
        screen.print("Deleted the stack.")
        for resource in kept:
            screen.print(f"kept, as the template says: {resource}")
    address = running_cloud.stop()
    what = f"the offline cloud at {address.aws_url} (process {address.pid})"
    screen.print(
        f"Ended {what}: its API, endpoints, functions and jobs. {STATE_IS_KEPT}", highlight=False
    )


def demo(
    photos: Annotated[
        Path | None,
        typer.Option(help="Photo or folder of photos; by default twenty sample photos."),
    ] = None,
    port: Port = 0,
    keep: Annotated[
        bool | None,
        typer.Option(
            help="Keep the offline cloud running until Ctrl-C; by default on a terminal only."
        ),
    ] = None,
) -> None:
    """Start an offline cloud, release the pretrained model and classify photos.

    Prints a table, and as the last line JSON. Answers for your own photos are compared with the
    names of their folders where those are breeds. Exit status 1 if a sample's answer is wrong, or
    one of your own photos got none.
    """
    stay = sys.stdout.isatty() if keep is None else keep
    started = time.perf_counter()
    folder = photos.expanduser() if photos else None  # zsh passes PHOTOS=~/dogs on as it is
    left_out: list[LeftOut] = []
    samples = (
        demonstration.own_photos(folder, left_out.append) if folder else demonstration.samples()
    )
    for line in left_out_lines(left_out):
        _say(line)
    with started_cloud(port) as cloud:
        succeeded = demonstration.run(
            cloud, screen, samples, folder=folder, stay=stay, started=started
        )
        if stay:
            with contextlib.suppress(KeyboardInterrupt):
                watch_executions(cloud.url, _tell, cloud.ended)
    raise typer.Exit(0 if succeeded else 1)


def _tell(line: str) -> None:
    """Print a line with the time of day."""
    clock = time.strftime("%H:%M:%S")
    screen.print(f"{clock} {line}", highlight=False, markup=False, soft_wrap=True)


def _try_release(cloud: "Cloud", package: PackageFile | None) -> None:
    """Release a package or the pretrained model; the cloud stays up when that fails."""
    try:
        if package is None:
            bring_up_endpoint(cloud, screen)
            return
        target = offline_target(cloud.url, cloud.stack.outputs, cloud.api_url)
        with show_states(screen) as show:
            released = release_package(target, package, show)
        _say(released.as_text())
    except (KennelError, ClientError, BotoCoreError) as error:
        if is_in_service(cloud):
            _say(f"The endpoint serves the same model as before, since {error}.")
            return
        _say(
            f"No model is in service, since {error} - the offline cloud runs without one: start "
            "another execution, `kennel release PACKAGE`, or `kennel up --fresh`."
        )


def _say(sentence: str) -> None:
    screen.print(sentence, markup=False, highlight=False, emoji=False, soft_wrap=True)


@contextlib.contextmanager
def started_cloud(
    port: int, host: str = "127.0.0.1", state: Path | None = None
) -> Iterator["Cloud"]:
    """Run an offline cloud of Kennel's stack inside a `with` block."""
    from kennel.cloud.runtime.health import Health  # noqa: PLC0415  # slow to import
    from kennel.local_cloud import local_cloud  # noqa: PLC0415  # slow to import

    with contextlib.ExitStack() as stack:
        stack.enter_context(running_cloud.temporary_folder())
        with screen.status("starting the offline cloud") as status:
            starting = local_cloud(
                port=port,
                host=host,
                state=state,
                faults=running_cloud.read_faults(),
                report=status.update,
                health=Health(_say),
            )
            cloud = stack.enter_context(starting)
        yield cloud
