"""Fixtures of the cloud's services: moto as the cloud starts it, without the rest."""

import asyncio
import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from kennel.cloud.moto_backend.server import moto_server


@pytest.fixture(scope="session")
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a moto server that interprets state machines; its calls come back to itself."""
    server = moto_server(None, tmp_path_factory.mktemp("moto"))
    exits = contextlib.AsyncExitStack()
    with asyncio.Runner() as runner:
        yield runner.run(exits.enter_async_context(server))
        runner.run(exits.aclose())


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 16 MB; a test that needs it is skipped where none can be mounted."""
    folder = tmp_path / "small-disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no file system can be mounted here: run the tests as root")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)
