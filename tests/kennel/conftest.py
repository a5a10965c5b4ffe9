"""For the operator's commands: an AWS account in moto, and services that answer by script."""

import urllib.request
from collections.abc import Iterator, Mapping
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.stub import Stubber
from moto.server import ThreadedMotoServer

from kennel.aws import Connect
from kennel.cloud.cloudformation.stack import client


@pytest.fixture(scope="session")
def moto_server() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def account(moto_server: str) -> str:
    """Address of an AWS account that holds nothing yet, imitated by moto."""
    urllib.request.urlopen(f"{moto_server}/moto-api/reset", data=b"").close()  # noqa: S310
    return moto_server


def scripted(service: str, *answers: tuple[str, Any]) -> Any:
    """Return a client that gives these answers in turn, each checked by botocore's own model.

    An answer is (method, response), or (method, code of a refusal).
    """
    made = boto3.client(
        service,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"total_max_attempts": 1}),
    )
    stubber = Stubber(made)
    for method, answer in answers:
        if isinstance(answer, str):
            stubber.add_client_error(method, answer, f"{answer} in words")
        else:
            stubber.add_response(method, answer)
    stubber.activate()
    return made


def clients(url: str, scripts: Mapping[str, Any] | None = None) -> Connect:
    """Return a Connect: scripted clients where there are any, else moto's account at `url`."""
    return lambda service: (scripts or {}).get(service) or client(service, url)
