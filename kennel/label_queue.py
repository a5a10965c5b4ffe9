"""`kennel label-queue`: order photos without labels by what a model would learn from most."""

from pathlib import Path
from typing import Annotated

import typer

from kennel.errors import KennelError
from kennel.paths import MODEL
from kennel.train import run_script


def label_queue(
    photos: Annotated[
        list[Path],
        typer.Argument(metavar="FOLDER...", help="Folders of photos without labels, or photos."),
    ],
    model: Annotated[Path, typer.Option(help="Model package, model.tar.gz.")],
    count: Annotated[int, typer.Option(min=1, help="Photos to queue.")] = 100,
    json_: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
    csv: Annotated[bool, typer.Option("--csv", help="Print CSV instead of a table.")] = False,
) -> None:
    """Order photos without labels by what the model would learn from most: label these first.

    First come dogs that the model is unsure of and that are unlike each other, last photos in which
    it sees no dog. Of near-duplicates one is queued. It needs no cloud and no network. Files that
    are left out, or cannot be read, are listed with the reason; in JSON and CSV they have no rank.
    """
    if json_ and csv:
        raise KennelError("both --json and --csv are given, and one is printed: keep one of them")
    form = ["--json"] * json_ + ["--csv"] * csv
    arguments = ["--model", str(model), "--count", str(count), *form, "--", *map(str, photos)]
    raise typer.Exit(run_script(MODEL / "to_label.py", arguments))
