"""Fixtures of the cloud's services: moto as the cloud starts it, without the rest."""

import asyncio
import contextlib
from collections.abc import Iterator

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
