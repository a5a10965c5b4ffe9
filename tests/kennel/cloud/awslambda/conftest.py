"""Fixtures of Lambda's API."""

from collections.abc import Iterator

import pytest

from tests.kennel.cloud.awslambda.serving import Account, serving


@pytest.fixture(scope="module")
def account(moto: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """Lambda without a function; tests of one module share it."""
    with serving(moto, tmp_path_factory.mktemp("lambda")) as running:
        yield running
