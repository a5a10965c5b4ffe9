"""Offline clouds that several test files use; each is started once in a run."""

from collections.abc import Iterator
from typing import Any

import pytest

from kennel.cloud.cloud import Cloud
from kennel.execution import follow


@pytest.fixture(scope="session")
def released() -> Iterator[tuple[Cloud, dict[str, Any], list[str]]]:
    """A cloud with the pretrained model live: (cloud, the execution's output, states passed)."""
    # A client that posts photos as fast as it can must not meet the usage plan here.
    with Cloud(parameters={"RateLimit": "1000", "BurstLimit": "1000"}) as cloud:
        states: list[str] = []
        output = follow(
            cloud.url,
            cloud.stack.outputs["StateMachineArn"],
            {},
            lambda state: states.append(state.name) if state.left else None,
        )
        yield cloud, output, states


@pytest.fixture(scope="session")
def cloud(released: tuple[Cloud, dict[str, Any], list[str]]) -> Cloud:
    return released[0]


@pytest.fixture(scope="session")
def bare_cloud() -> Iterator[Cloud]:
    """A cloud in which nothing was released, with the tightest limits."""
    tight = {"RateLimit": "1", "BurstLimit": "1", "ReservedConcurrency": "1"}
    with Cloud(parameters=tight, stack_name="bare") as cloud:
        yield cloud
