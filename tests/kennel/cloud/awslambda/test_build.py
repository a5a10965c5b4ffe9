"""Builds are shared by processes, whole, and stay while one uses them."""

import contextlib
import subprocess
import sys
from pathlib import Path

import pytest

from kennel.cloud.awslambda.build import build
from kennel.errors import CannotStart

BUILD = """
import contextlib, sys
from pathlib import Path
from kennel.cloud.awslambda.build import build

with contextlib.ExitStack() as in_use:
    print(build(["GuardFunction"], in_use, Path(sys.argv[1]))["GuardFunction"], flush=True)
    sys.stdin.readline()
"""


def test_two_processes_at_once_share_one_build(tmp_path: Path) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", BUILD, tmp_path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    said = [each.communicate("\n")[0].strip() for each in processes]
    assert [each.returncode for each in processes] == [0, 0]
    assert said[0] == said[1]
    assert (Path(said[0]) / "guard" / "app.py").is_file()


def test_what_nobody_uses_is_removed_and_what_is_used_stays(tmp_path: Path) -> None:
    old = tmp_path / "older"  # of other sources
    with subprocess.Popen(
        [sys.executable, "-c", BUILD, tmp_path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        folder = Path(process.stdout.readline().strip()).parent
        folder.rename(old)
        with contextlib.ExitStack() as in_use:
            (new,) = build(["GuardFunction"], in_use, tmp_path).values()
        assert (old / "GuardFunction").is_dir()
        process.communicate("\n")
    with contextlib.ExitStack() as in_use:
        assert build(["GuardFunction"], in_use, tmp_path) == {"GuardFunction": new}
    assert not old.exists()


def test_a_target_that_fails_leaves_nothing_and_says_why(tmp_path: Path) -> None:
    with contextlib.ExitStack() as in_use, pytest.raises(CannotStart, match="No rule to make"):
        build(["NoSuchFunction"], in_use, tmp_path)
    assert not list(tmp_path.glob("*/NoSuchFunction*"))
