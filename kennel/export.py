"""`kennel export`: write a model package as a folder that runs without Kennel."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from kennel.paths import MODEL
from kennel.train import run_script


class Runtime(StrEnum):
    """What runs the exported network."""

    ONNX = "onnx"
    OPENVINO = "openvino"


def export(
    package: Annotated[Path, typer.Argument(help="Model package, model.tar.gz.")],
    to: Annotated[Runtime, typer.Option(help="What will run the network.")],
    out: Annotated[Path, typer.Option(help="Folder for the files; a new or an empty one.")],
) -> None:
    """Export a model package as a folder that runs without Kennel.

    It gets the network, its breeds, preprocessing and postprocessing as JSON, and a short script
    that runs it with ONNX Runtime or OpenVINO, Pillow and numpy.
    """
    arguments = [str(package), "--to", to.value, "--out", str(out)]
    raise typer.Exit(run_script(MODEL / "export.py", arguments))
