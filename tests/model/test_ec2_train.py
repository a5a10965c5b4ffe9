"""ec2_train.sh from its user data on, with the real train.py; only `aws` and `shutdown` are ours.

They stand first in PATH, S3 is a folder, and a shutdown writes its arguments into a file.
"""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from dogbreeds.training.settings import HeadSettings, parse
from tests.model.pictures import kennel_of, write

FOLDER = Path(__file__).resolve().parents[2] / "model"
SCRIPT = FOLDER / "ec2_train.sh"

AWS = """#!/usr/bin/env bash
set -euo pipefail
here() { if [[ $1 == s3://* ]]; then echo "$S3_FOLDER/${1#s3://}"; else echo "$1"; fi; }
[[ $1 == s3 ]]; what=$2; shift 2
places=(); excluded=
while (($#)); do
  case $1 in
    --only-show-errors) ;;
    --exclude) excluded=$2; shift ;;
    --*) echo "aws: unknown option $1" >&2; exit 252 ;;
    *) places+=("$1") ;;
  esac
  shift
done
from=$(here "${places[0]}") to=$(here "${places[1]}")
[[ -e $from ]] || { echo "fatal error: ${places[0]} does not exist" >&2; exit 1; }
if [[ $what == cp && $to == - ]]; then cat "$from"; exit; fi
if [[ $what == cp ]]; then mkdir -p "$(dirname "$to")"; cp "$from" "$to"; exit; fi
mkdir -p "$to"
tar -C "$from" ${excluded:+--exclude="./$excluded"} -cf - . | tar -C "$to" -xf -
"""
SHUTDOWN = '#!/usr/bin/env bash\necho "$@" >> "$S3_FOLDER/shutdowns"\n'


@dataclass(frozen=True)
class Machine:
    """A machine that was started with some user data, and is gone."""

    s3: Path
    status: int
    said: str

    @property
    def shutdowns(self) -> list[str]:
        return (self.s3 / "shutdowns").read_text().splitlines()

    @property
    def uploaded(self) -> Path:
        return self.s3 / "bucket/trained/one"


def start(
    folder: Path, photos: Path, source: Path, tools: tuple[str, str] = (AWS, SHUTDOWN), **more: str
) -> Machine:
    """Put things where S3 has them, ask for the user data, and run that as root's shell would."""
    path, s3 = folder / "bin", folder / "s3"
    (s3 / "bucket").mkdir(parents=True)
    path.mkdir()
    for name, text in zip(("aws", "shutdown"), tools, strict=True):
        (path / name).write_text(text)
        (path / name).chmod(0o755)
    (s3 / "bucket/photos").symlink_to(photos)
    shutil.copy(source, s3 / "bucket/source.tar.gz")
    environment = {
        "PATH": f"{path}:{os.environ['PATH']}",
        "S3_FOLDER": str(s3),
        "PIP_NO_INDEX": "1",
        "OMP_NUM_THREADS": "2",
    }
    asked = {
        "PHOTOS_URI": "s3://bucket/photos",
        "SOURCE_URI": "s3://bucket/source.tar.gz",
        "OUTPUT_URI": "s3://bucket/trained/one",
        "PYTHON": sys.executable,
        "WORK": str(folder / "work of kennel"),
        **more,
    }
    user_data = subprocess.run(
        ["bash", SCRIPT, "user-data"],
        env=environment | asked,
        capture_output=True,
        text=True,
        check=True,
    )
    assert len(user_data.stdout) < 16_384  # EC2's limit
    done = subprocess.run(
        ["bash", "-c", user_data.stdout],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return Machine(s3, done.returncode, done.stdout)


@pytest.mark.slow
def test_it_trains_uploads_and_ends_the_machine(bundle_folder: Path, tmp_path: Path) -> None:
    photos = kennel_of(tmp_path / "photos")
    write(photos / "train/beagle/empty.jpg", b"")
    source = bundle_folder / "source.tar.gz"
    machine = start(tmp_path, photos, source, EPOCHS="2", ACCEPT="unreadable,too-few")
    assert machine.status == 0, machine.said
    assert {path.name for path in machine.uploaded.iterdir()} >= {
        "model.tar.gz",
        "report.html",
        "audit.json",
        "evaluation.json",
        "log.txt",
    }
    assert json.loads((machine.uploaded / "audit.json").read_text())["left_out"] == 1
    log = (machine.uploaded / "log.txt").read_text()
    assert log.count("valid:loss=") == 2 and log.endswith("training ended with status 0\n")
    assert machine.shutdowns[0] == "-h +360" and machine.shutdowns[-1] == "-h now"


@pytest.mark.slow
def test_after_a_failure_it_uploads_the_log_and_ends_the_machine(
    bundle_folder: Path, tmp_path: Path
) -> None:
    source = bundle_folder / "source.tar.gz"
    machine = start(tmp_path, tmp_path, source, PHOTOS_URI="s3://bucket/elsewhere")
    assert machine.status == 1
    log = (machine.uploaded / "log.txt").read_text()
    assert "s3://bucket/elsewhere does not exist" in log
    assert log.endswith("training ended with status 1\n")
    assert [path.name for path in machine.uploaded.iterdir()] == ["log.txt"]
    assert machine.shutdowns[-1] == "-h now"


def test_a_machine_that_cannot_get_its_source_ends_too(tmp_path: Path) -> None:
    nothing = write(tmp_path / "nothing.tar.gz", b"")
    machine = start(tmp_path, tmp_path, nothing, SOURCE_URI="s3://bucket/elsewhere.tar.gz")
    assert machine.status != 0 and "does not exist" in machine.said
    assert machine.shutdowns[-1] == "-h now"


@pytest.mark.parametrize(
    ("arguments", "set_", "sentence"),
    [
        (["user-data"], {"PHOTOS_URI": "photos"}, "PHOTOS_URI is 'photos', expected s3://BUCKET"),
        (["user-data"], {}, "PHOTOS_URI is '', expected s3://BUCKET"),
        ([], {}, "received '', expected user-data or run"),
    ],
)
def test_what_is_missing_is_said(arguments: list[str], set_: dict[str, str], sentence: str) -> None:
    environment = {"PATH": os.environ["PATH"], **set_}
    done = subprocess.run(
        ["bash", SCRIPT, *arguments], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1 and sentence in done.stderr
    assert done.stderr.count("\n") == 1 and done.stdout == ""


def settings() -> dict[str, str]:
    """The settings file's own values."""
    show = f"set -a; source {FOLDER / 'ec2_settings.env'}; env -0"
    run = ["bash", "-c", show]
    listed = subprocess.run(run, env={"PATH": os.environ["PATH"]}, capture_output=True, check=True)
    return dict(pair.split("=", 1) for pair in listed.stdout.decode().split("\0") if pair)


def test_the_settings_file_s_hyperparameters_are_train_py_s_own() -> None:
    variables = settings()
    names = ("epochs", "learning-rate", "batch-size", "shrinkage", "backbone")
    flags = [part for n in names for part in (f"--{n}", variables[n.upper().replace("-", "_")])]
    parsed = parse(["--out", "out", *flags], {})
    assert parsed.backbone == "tf_efficientnet_lite2"
    assert parsed.head == HeadSettings(
        shrinkage=float(variables["SHRINKAGE"]),
        learning_rate=float(variables["LEARNING_RATE"]),
        batch_size=int(variables["BATCH_SIZE"]),
        epochs=int(variables["EPOCHS"]),
    )
    assert variables["INSTANCE_TYPE"] == "t3.large"


@pytest.mark.parametrize("check", [["bash", "-n"], ["shellcheck", "-x", "-s", "bash"]])
def test_the_script_is_sound_bash(check: list[str]) -> None:
    if not shutil.which(check[0]):
        pytest.skip(f"no {check[0]} here (Debian: apt-get install {check[0]})")
    files = [SCRIPT, FOLDER / "ec2_settings.env"]
    done = subprocess.run(
        [*check, *files], capture_output=True, text=True, check=False, cwd=FOLDER.parent
    )
    assert done.returncode == 0, done.stdout + done.stderr
