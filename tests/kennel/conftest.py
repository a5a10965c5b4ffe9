"""Run commands, against an AWS account emulated by moto or against scripted clients."""

import signal
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.stub import Stubber
from moto.server import ThreadedMotoServer

from kennel.aws import Connect
from kennel.cli import main
from kennel.cloud.runtime.clients import client


@pytest.fixture(scope="session")
def moto_server() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def account(moto_server: str) -> str:
    """Return the address of an empty AWS account, emulated by moto."""
    urllib.request.urlopen(f"{moto_server}/moto-api/reset", data=b"").close()  # noqa: S310
    return moto_server


def scripted(service: str, *answers: tuple[str, Any]) -> Any:
    """Return a client that gives these answers in turn, each checked against botocore's model.

    An answer is (method, response), or (method, error code).
    """
    make_client: Any = boto3.client  # its types know services by literal names only
    made = make_client(
        service,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"total_max_attempts": 1}),
    )
    stubber = Stubber(made)
    for method, answer in answers:
        if isinstance(answer, str):
            stubber.add_client_error(method, answer, f"message of {answer}")
        else:
            stubber.add_response(method, answer)
    stubber.activate()
    return made


def clients(url: str, scripts: Mapping[str, Any] | None = None) -> Connect:
    """Return a Connect of these scripted clients, and of moto's account at `url` for the rest."""
    return lambda service: (scripts or {}).get(service) or client(service, url)


@dataclass(frozen=True)
class CommandResult:
    """What a command printed, and its exit status."""

    status: int
    stdout: str
    stderr: str


RunKennel = Callable[..., CommandResult]


@pytest.fixture
def kennel(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> RunKennel:
    """Return a function that runs a command in this process; `env` is added to the environment."""

    def run(*arguments: str, env: Mapping[str, str] | None = None) -> CommandResult:
        for name, value in {"COLUMNS": "200", **(env or {})}.items():
            monkeypatch.setenv(name, value)
        on_sigterm = signal.getsignal(signal.SIGTERM)
        try:
            with pytest.raises(SystemExit) as exit_:
                main(arguments)
        finally:
            signal.signal(signal.SIGTERM, on_sigterm)
        printed = capsys.readouterr()
        status = exit_.value.code
        assert status is None or isinstance(status, int)
        return CommandResult(status or 0, printed.out, printed.err)

    return run
