"""Two clouds in one checkout: `kennel demo` beside `kennel up`, or the workers of pytest-xdist."""

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

CLOUD = """
import json, sys
from kennel.local_cloud import local_cloud

with local_cloud() as cloud:
    print(json.dumps({"api": cloud.api_url, "logs": str(cloud.logs)}), flush=True)
    sys.stdin.readline()
"""


@contextlib.contextmanager
def started() -> Iterator["subprocess.Popen[str]"]:
    """A cloud in a process of its own, which ends when its standard input does."""
    with subprocess.Popen(
        [sys.executable, "-c", CLOUD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def described(process: "subprocess.Popen[str]") -> dict[str, Any]:
    assert process.stdout is not None
    described: dict[str, Any] = json.loads(process.stdout.readline())
    return described


def status(cloud: dict[str, Any], path: str) -> int:
    return httpx.get(f"{cloud['api']}{path}", timeout=30).status_code


@pytest.mark.slow
def test_two_clouds_start_at_once_and_the_second_outlives_the_first() -> None:
    with started() as first_process, started() as second_process:
        first, second = described(first_process), described(second_process)
        assert first["logs"] != second["logs"]
        for cloud in (first, second):
            assert status(cloud, "/") == 200  # a function answers
            assert (Path(cloud["logs"]) / "kennel-PageFunction.log").exists()
        first_process.communicate("\n")
        assert first_process.returncode == 0
        assert not Path(first["logs"]).exists()
        assert status(second, "/") == 200
        assert status(second, "/openapi.json") == 200
        assert {"moto.log", "kennel-PageFunction.log"} <= {
            file.name for file in Path(second["logs"]).iterdir()
        }
        second_process.communicate("\n")
        assert second_process.returncode == 0
        assert not Path(second["logs"]).exists()
