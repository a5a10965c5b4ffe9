"""What a training run is told: flags, or SageMaker's hyperparameters and environment.

SageMaker passes each hyperparameter as a flag with a string (`--batch-size 64`), and its folders
as SM_CHANNEL_TRAIN and the like; a flag comes before the environment.
"""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, NoReturn

from dogbreeds.data.dataset import DataError
from dogbreeds.network.head import HeadSettings

DEFAULT_BACKBONE = "tf_efficientnet_lite2"
HOST_GB = 4.0
CHANNELS = ("train", "valid", "test", "live")
_YES, _NO = ("1", "true", "yes", "on"), ("0", "false", "no", "off")
_LARGEST = {"epochs": 10_000, "batch-size": 65_536, "tune": 10_000, "threads": 1_024}


@dataclass(frozen=True)
class Settings:
    """One run."""

    data: Path | None
    channels: Mapping[str, Path]  # train, valid, test
    live: Path | None  # the package that serves now
    out: Path  # report.html, audit.json, evaluation.json, tensorboard/, and model.tar.gz
    model_dir: Path | None  # where SageMaker wants the package's files instead of model.tar.gz
    cache: Path
    backbone: str
    backbone_weights: Path | None
    head: HeadSettings
    tune: int  # trials of the local search; 0 takes the settings as they are
    accept: tuple[str, ...]
    threads: int  # 0: all
    finetune: bool = False  # the whole network is trained, not its head alone
    recipe: str = ""  # of finetune/recipes.py, or a file; "": by the number of photos
    checkpoints: Path | None = None  # folder of the fine-tuning's state; None: in the cache
    host_gb: float = HOST_GB  # decoded photos kept in memory; beyond, worker processes decode
    label_report: bool = False

    def for_card(self) -> dict[str, Any]:
        """Return what shaped the model, without paths of this machine."""
        return {
            "head_only": not self.finetune,
            "backbone": self.backbone,
            "tune": self.tune,
            "accept": sorted(self.accept),
            **asdict(self.head),
        }


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise DataError(f"{message[0].upper()}{message[1:]}; see train.py --help.")


def parse(arguments: Sequence[str], environment: Mapping[str, str]) -> Settings:
    """Read the command line and the environment.

    Raises
    ------
    DataError
        A flag is unknown, a value is none or out of its range, or there is nowhere to write.
    """
    found = _parser(environment).parse_args(arguments)
    out = found.out or _path(environment, "SM_OUTPUT_DATA_DIR")
    model_dir = found.model_dir or (None if found.out else _path(environment, "SM_MODEL_DIR"))
    if out is None:
        raise DataError("There is nowhere to write; name a folder by --out DIR.")
    head = {entry.name: getattr(found, entry.name) for entry in fields(HeadSettings)}
    return Settings(
        data=found.data,
        channels={name: getattr(found, name) for name in CHANNELS[:3] if getattr(found, name)},
        live=found.live,
        out=out,
        model_dir=model_dir,
        cache=found.cache or _path(environment, "KENNEL_CACHE") or out.parent / ".cache",
        backbone=found.backbone,
        backbone_weights=found.backbone_weights,
        head=HeadSettings(**head),
        tune=found.tune,
        accept=tuple(found.accept),
        threads=found.threads,
        finetune=found.finetune or not found.head_only,
        recipe=found.recipe,
        checkpoints=found.checkpoints or _checkpoints(environment),
        host_gb=found.host_gb,
        label_report=found.label_report,
    )


def _parser(environment: Mapping[str, str]) -> argparse.ArgumentParser:
    defaults = HeadSettings()
    parser = _Parser(prog="train.py", description="Labelled photos to a calibrated model package.")
    add = parser.add_argument
    add("--data", type=Path, help="folder with train/ valid/ test/, or with a folder a breed")
    for name in CHANNELS:
        default = _path(environment, f"SM_CHANNEL_{name.upper()}")
        what = "the package that serves now" if name == "live" else f"photos of {name}"
        add(f"--{name}", type=Path, default=default, help=f"{what} (SM_CHANNEL_{name.upper()})")
    add("--out", type=Path, help="folder for model.tar.gz, report.html, ... (SM_OUTPUT_DATA_DIR)")
    add("--model-dir", type=Path, help="put the package's files here instead (SM_MODEL_DIR)")
    add("--cache", type=Path, help="folder that keeps features (KENNEL_CACHE)")
    add("--head-only", type=_switch, nargs="?", const=True, default=True, help="backbone frozen")
    add("--finetune", type=_switch, nargs="?", const=True, default=False, help="all of the network")
    add("--recipe", default="", help="of --finetune: small, large or a JSON file")
    add("--checkpoints", type=Path, help="folder that a fine-tuning goes on from")
    add("--host-gb", type=_positive, default=HOST_GB, help="decoded photos kept in memory")
    add(
        "--label-report",
        type=_switch,
        nargs="?",
        const=True,
        default=False,
        help="list photos whose folder looks wrong (cleanlab)",
    )
    add("--backbone", default=DEFAULT_BACKBONE, help="any timm name")
    add("--backbone-weights", type=Path, help=".safetensors or .pth, ImageNet, for --backbone")
    add("--tune", type=_whole("tune", 0), default=0, help="trials of the search; 0: none")
    add("--shrinkage", type=_positive, default=defaults.shrinkage)
    add("--learning-rate", type=_positive, default=defaults.learning_rate)
    add("--batch-size", type=_whole("batch-size", 1), default=defaults.batch_size)
    add("--epochs", type=_whole("epochs", 1), default=defaults.epochs)
    add("--seed", type=_whole("seed", 0), default=defaults.seed)
    add("--accept", action="append", default=[], metavar="KIND", help="a finding of the audit")
    threads = environment.get("SM_NUM_CPUS", "0")
    add("--threads", type=_whole("threads", 0), default=threads, help="cores to use; 0: all")
    return parser


def _path(environment: Mapping[str, str], name: str) -> Path | None:
    return Path(environment[name]) if environment.get(name) else None


def _checkpoints(environment: Mapping[str, str]) -> Path | None:
    """Return where SageMaker keeps checkpoints across a spot machine's end, if the job says so."""
    if named := _path(environment, "KENNEL_CHECKPOINTS"):
        return named
    model_dir = _path(environment, "SM_MODEL_DIR")
    beside = model_dir.parent / "checkpoints" if model_dir else None  # /opt/ml/checkpoints
    return beside if beside and beside.is_dir() else None


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
