"""The state machines in moto's interpreter, and stacks for them: fresh, live, or both in turn."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.functions.model_package import LIVE, evaluation
from tests.statemachine.emulated_stack import EmulatedStack, small_bundle
from tests.statemachine.interpreter import Machine, interpreter


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    with interpreter() as running:
        yield running


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_bundle(tmp_path_factory.mktemp("bundle"))


@pytest.fixture
def fresh(bundle: Path) -> EmulatedStack:
    """A stack that was just deployed, with photos in its bucket."""
    stack = EmulatedStack(bundle)
    stack.upload_photos()
    return stack


@pytest.fixture
def live(bundle: Path) -> EmulatedStack:
    """A stack with a model live on three instances, with a scaling registration of its own."""
    stack = EmulatedStack(bundle)
    stack.release()
    stack.upload_photos()
    stack.evaluation = evaluation(live=LIVE)
    endpoint = stack.account.endpoints.endpoint
    assert endpoint is not None
    endpoint["ProductionVariants"] = [{"CurrentInstanceCount": 3}]
    stack.account.scaling.target = {"MinCapacity": 2, "MaxCapacity": 9}
    stack.account.calls.clear()
    return stack


@pytest.fixture(params=["fresh", "live"])
def stack(request: pytest.FixtureRequest) -> EmulatedStack:
    """Both: a first release and an update."""
    chosen: EmulatedStack = request.getfixturevalue(request.param)
    return chosen
