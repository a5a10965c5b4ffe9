"""`kennel label-queue` runs model/to_label.py, whose queue test_local_model.py has."""

import subprocess
import sys
from pathlib import Path

import pytest

from kennel.errors import KennelError
from kennel.label_queue import label_queue
from kennel.paths import ROOT


def test_errors_of_the_script_are_printed() -> None:
    command = [sys.executable, "-m", "kennel.cli", "label-queue", "nowhere", "--model", "m"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "nowhere does not exist: name a photo or a folder of photos\n"


def test_json_and_csv_exclude_each_other() -> None:
    with pytest.raises(KennelError, match="both --json and --csv are given"):
        label_queue([Path("a")], Path("m"), 1, json_=True, csv=True)
