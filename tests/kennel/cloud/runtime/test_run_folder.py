"""Run folders: one for each cloud, removed at its end or by a later one."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kennel.cloud.runtime.run_folder import is_free, run_folder

KILLED = """
import os, signal, sys
from pathlib import Path
from kennel.cloud.runtime.run_folder import run_folder

with run_folder(Path(sys.argv[1])) as folder:
    (folder / "log").touch()
    os.kill(os.getpid(), signal.SIGKILL)
"""


def folders(parent: Path) -> set[Path]:
    return {each for each in parent.iterdir() if each.is_dir()}


def test_each_cloud_has_a_run_folder_and_removes_it(tmp_path: Path) -> None:
    with run_folder(tmp_path) as first:
        with run_folder(tmp_path) as second:
            assert folders(tmp_path) == {first, second}
        assert folders(tmp_path) == {first}
    assert folders(tmp_path) == set()


def test_a_run_folder_stays_on_request_and_after_an_error(tmp_path: Path) -> None:
    with run_folder(tmp_path, keep=True) as asked_for:
        pass
    assert folders(tmp_path) == {asked_for}
    with pytest.raises(RuntimeError), run_folder(tmp_path) as failed:
        raise RuntimeError
    assert folders(tmp_path) == {asked_for, failed}


def test_that_of_a_killed_process_is_removed_by_one_that_starts_an_hour_later(
    tmp_path: Path,
) -> None:
    subprocess.run([sys.executable, "-c", KILLED, tmp_path], check=False)
    (dead,) = folders(tmp_path)
    assert is_free(dead / "lock")
    with run_folder(tmp_path) as at_once:
        assert folders(tmp_path) == {dead, at_once}  # somebody may be reading its log
    for each in (dead / "lock", dead / "log", dead):
        os.utime(each, (time.time() - 3700, time.time() - 3700))
    with run_folder(tmp_path) as later:
        assert folders(tmp_path) == {later}
