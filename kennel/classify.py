"""`kennel classify`: name the breed in photos, by the API or by a model package alone.

What only one of the two ways needs is imported there: with a package, the answer is there in a
second.
"""

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, TypedDict

import typer
from rich.console import Console

from kennel.answer import Answer, not_sent, print_csv
from kennel.errors import KennelError
from kennel.photo_files import LeftOut, find_photos, left_out_lines, printable

screen = Console(stderr=True)


def classify(  # noqa: PLR0917  # typer calls it
    photos: Annotated[list[Path], typer.Argument(help="Photos, or folders of photos.")],
    model: Annotated[
        Path | None,
        typer.Option(help="Classify with this model package, model.tar.gz, and without any cloud."),
    ] = None,
    url: Annotated[
        str, typer.Option(help="Address of the API; by default that of the running `kennel up`.")
    ] = "",
    key: Annotated[
        str, typer.Option(help="API key; with --url only.", envvar="KENNEL_API_KEY")
    ] = "",
    top: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=9999,
            help="Print so many breeds of each photo; by default the table has the first, and "
            "--json five. --csv has the first only.",
        ),
    ] = None,
    explain: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Write a picture of each dog into this folder, red where the photo spoke for its "
            "first breed, as photo.jpg.explained.jpg.",
        ),
    ] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
    csv: Annotated[bool, typer.Option("--csv", help="Print CSV instead of a table.")] = False,
) -> None:
    """Classify photos, and print the breed in each.

    With --model it needs no cloud and no network. Else it calls the API: that of --url, or of the
    running `kennel up`; if none runs, it starts an offline cloud for these photos only. Folders are
    searched for JPEG, PNG and WebP by the files' bytes, and what is left out is listed. A photo too
    large for the API is made smaller. "perhaps" is a dog that the model is not sure of; "one of"
    names the breeds among which the right one is for nine dogs of ten. Exit status 1 if a photo got
    no answer.
    """
    if model and url:
        raise KennelError(
            f"both --model {model} and --url {url} are given: keep --model to classify on this "
            "machine, or --url to ask that API"
        )
    if json_ and csv:
        raise KennelError("both --json and --csv are given, and one is printed: keep one of them")
    left_out: list[LeftOut] = []
    files = find_photos(photos, left_out.append)
    if explain:
        from kennel import overlay  # noqa: PLC0415

        overlay.make_folder(explain)
    asked = _Asked(top=top, explain=explain is not None)
    answers = _by_package(model, files, asked) if model else _by_api(files, url, key, asked)
    if explain:
        answers = overlay.write_pictures(answers, explain, _say)
        if written := sum(bool(answer.explain) for answer in answers):
            _say(f"pictures in {printable(explain)}: {written}")
    everything = [*answers, *map(not_sent, left_out)]
    if json_:
        for answer in everything:
            print(answer.as_json())
    elif csv:
        print_csv(everything)
    else:
        from kennel.tables import answers_table  # noqa: PLC0415

        Console().print(answers_table(answers, top or 1))
        for line in left_out_lines(left_out):
            _say(line)
    if any(answer.problem for answer in answers):
        raise typer.Exit(1)


class _Asked(TypedDict):
    """What is asked for beside the first breeds."""

    top: int | None
    explain: bool


def _say(line: str) -> None:
    screen.print(line, markup=False, highlight=False, emoji=False, soft_wrap=True)


def _by_package(model: Path, files: Sequence[Path], asked: _Asked) -> list[Answer]:
    from kennel.local_model import classify as classify_locally  # noqa: PLC0415

    return classify_locally(files, model, screen, **asked)


def _by_api(files: Sequence[Path], url: str, key: str, asked: _Asked) -> list[Answer]:
    from kennel import running_cloud  # noqa: PLC0415
    from kennel.client import classify as classify_by_api  # noqa: PLC0415

    with contextlib.ExitStack() as stack:
        address = running_cloud.CloudAddress(url, key) if url else running_cloud.find()
        if address is None:
            from kennel.cloud_commands import started_cloud  # noqa: PLC0415
            from kennel.execution import bring_up_endpoint  # noqa: PLC0415

            screen.print(
                "No `kennel up` runs: starting an offline cloud for this command. To keep one "
                "running, use `kennel up`."
            )
            cloud = stack.enter_context(started_cloud(0))
            bring_up_endpoint(cloud, screen)
            address = running_cloud.CloudAddress(cloud.api_url, cloud.api_key)
        return classify_by_api(files, address.api_url, address.api_key, screen, **asked)
