from typing import Any

import pytest
from botocore.exceptions import ClientError

from clean_up.clients import Clients
from clean_up.way_back import Settings, clean_up
from common.execution import PROVEN_TAG, Execution
from common.failure import CleanUpFailed
from common.registration import registration
from common.scaling import scalable_target
from tests.functions.account import BUCKET, PROJECT, Account
from tests.functions.release.test_rollout import EXECUTION, live, register
from tests.functions.release.test_rollout import run as release_one

SETTINGS = Settings("kennel", BUCKET, PROJECT)


def once(account: Account, name: str = "two") -> dict[str, Any]:
    clients = Clients(account.sagemaker, account.autoscaling, account.codebuild, account.s3)
    return clean_up(Execution(EXECUTION + name), SETTINGS, clients)


def to_the_end(account: Account, name: str = "two") -> list[str]:
    """Ask until it is done, as the state machine does; then once more, for nothing."""
    did: list[str] = []
    for _ in range(20):
        result = once(account, name)
        did += result["did"]
        if result["status"] == "done":
            assert once(account, name) == {"status": "done", "did": []}
            return did
    pytest.fail(f"it waits for ever: {did}")


def update(ends: str, proven: bool = False) -> tuple[Account, Any, Any]:
    """Give an account whose update has ended so, what was registered before, and what it made."""
    account = live(instances=3)
    register(account)
    former = registration(account.autoscaling, "kennel")
    account.changes_end = [ends]
    made = release_one(account, "two")
    account.endpoints.settle()
    if proven:
        arn = account.endpoints.configs[made["config_name"]]["EndpointConfigArn"]
        account.endpoints.tags[arn][PROVEN_TAG] = "yes"
    return account, former, made


def state(account: Account) -> Any:
    endpoint = account.endpoints.endpoint
    assert endpoint is not None
    count = endpoint["ProductionVariants"][0]["CurrentInstanceCount"]
    return endpoint["EndpointConfigName"], endpoint["EndpointStatus"], count


def left(account: Account) -> set[str]:
    return {*account.endpoints.models, *account.endpoints.configs}


@pytest.mark.parametrize("ends", ["done", "failed"])
def test_first_release_leaves_nothing(ends: str) -> None:
    account = Account(changes_end=[ends], polls=2)
    release_one(account, "two")
    register(account)  # as far as ApplyAutoscaling
    to_the_end(account)
    assert account.endpoints.endpoint is None
    assert left(account) == set()
    assert account.scaling.target is None


def test_proven_first_release_that_failed_later_leaves_nothing_either() -> None:
    account = Account()
    made = release_one(account, "two")
    account.endpoints.settle()
    arn = account.endpoints.configs[made["config_name"]]["EndpointConfigArn"]
    account.endpoints.tags[arn][PROVEN_TAG] = "yes"
    to_the_end(account)
    assert account.endpoints.endpoint is None
    assert left(account) == set()


@pytest.mark.parametrize("ends", ["done", "back", "failed"])
def test_unproven_update_goes_back(ends: str) -> None:
    account, former, made = update(ends)
    to_the_end(account)
    assert state(account) == (made["previous_config_name"], "InService", 3)
    assert registration(account.autoscaling, "kennel") == former
    assert left(account) == {made["previous_config_name"]}
    went = account.asked("UpdateEndpoint")
    assert len(went) == (2 if ends == "done" else 1)  # SageMaker has gone back by itself


def test_way_back_keeps_the_instances_of_now() -> None:
    account, _, _ = update("done")
    once(account)
    (_, back) = [request for name, request in account.calls if name == "UpdateEndpoint"]
    assert back["RetainAllVariantProperties"] is True


def test_it_waits_while_sagemaker_works_and_changes_nothing() -> None:
    account = live()
    register(account)
    account.polls = 5
    release_one(account, "two")
    account.calls.clear()
    assert once(account) == once(account) == {"status": "waiting", "did": []}
    assert not [name for name in account.asked() if not name.startswith(("Describe", "List"))]


def test_proven_update_stays_with_the_former_registration() -> None:
    account, former, made = update("done", proven=True)
    names = scalable_target("kennel")  # ApplyAutoscaling came half the way
    account.autoscaling.register_scalable_target(**names, MinCapacity=1, MaxCapacity=1)
    to_the_end(account)
    assert state(account) == (made["config_name"], "InService", 3)
    assert registration(account.autoscaling, "kennel") == former
    assert left(account) == {made["config_name"], made["previous_config_name"]}


def test_release_that_ended_between_model_and_configuration() -> None:
    account = Account(breaks_at=["CreateModel"])
    with pytest.raises(TimeoutError):
        release_one(account, "two")
    assert len(left(account)) == 1
    to_the_end(account)
    assert left(account) == set()


def test_release_that_never_reached_the_endpoint() -> None:
    account = live()
    register(account)
    before = state(account), registration(account.autoscaling, "kennel"), left(account)
    account.refuse("UpdateEndpoint", "ResourceLimitExceeded")
    with pytest.raises(ClientError):
        release_one(account, "two")
    assert account.scaling.target is None  # the release has taken it away
    to_the_end(account)
    assert (state(account), registration(account.autoscaling, "kennel"), left(account)) == before


def test_execution_that_released_nothing_touches_nothing() -> None:
    account = live()
    register(account)
    before = state(account), registration(account.autoscaling, "kennel"), left(account)
    assert to_the_end(account, "three") == []
    assert (state(account), registration(account.autoscaling, "kennel"), left(account)) == before


def test_later_release_is_not_taken_back() -> None:
    account, _, _ = update("back")
    later = release_one(account, "three")
    account.endpoints.settle()
    to_the_end(account, "two")
    assert state(account)[0] == later["config_name"]


def test_endpoint_that_somebody_deleted_meanwhile() -> None:
    account, _, made = update("done")
    account.endpoints.endpoint = None
    to_the_end(account)
    assert left(account) == {made["previous_config_name"]}


def test_way_back_that_fails_is_said_and_not_tried_for_ever() -> None:
    account, _, _ = update("done")
    account.changes_end = ["back"]
    with pytest.raises(CleanUpFailed, match=r"did not go back to .*: update it by hand"):
        to_the_end(account)
    assert len(account.asked("UpdateEndpoint")) == 2


def test_endpoint_in_a_state_that_nothing_mends() -> None:
    account, _, _ = update("back")
    assert account.endpoints.endpoint is not None
    account.endpoints.endpoint |= {"EndpointStatus": "OutOfService", "FailureReason": "Who knows"}
    with pytest.raises(CleanUpFailed, match=r"is OutOfService on .*: Who knows\. Look at it"):
        once(account)
