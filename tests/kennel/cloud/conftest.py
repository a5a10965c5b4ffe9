"""For the cloud's parts: moto as the cloud starts it, without the rest."""

import asyncio
from collections.abc import Iterator

import pytest

from kennel.cloud.moto_backend.server import MotoServer
from kennel.cloud.runtime.processes import free_ports


@pytest.fixture(scope="session")
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a moto server that interprets state machines; its calls come back to itself."""
    (port,) = free_ports(1)
    server = MotoServer(port)
    with asyncio.Runner() as runner:
        runner.run(server.start(port, tmp_path_factory.mktemp("moto")))
        yield server.url
        runner.run(server.stop())
