"""Stacks over a moto server, without the services that Kennel emulates itself."""

from collections.abc import Callable
from typing import Any

import pytest

from kennel.cloud.cloudformation.custom_resources import CustomResources
from kennel.cloud.cloudformation.deployed import DeployedResources
from kennel.cloud.cloudformation.resources import Resources
from kennel.cloud.cloudformation.stacks import Stacks
from kennel.cloud.runtime.store import Store


def nobody(arn: str, event: dict[str, Any]) -> None:
    raise AssertionError("no custom resource here")


@pytest.fixture
def stacks_of(moto: str) -> Callable[[Store], Stacks]:
    """Makes the stacks that a store holds."""

    def make(store: Store) -> Stacks:
        deployed = DeployedResources()
        return Stacks(Resources(moto, CustomResources(moto, nobody), deployed), store)

    return make


@pytest.fixture
def stacks(stacks_of: Callable[[Store], Stacks]) -> Stacks:
    return stacks_of(Store(None))
