from typing import Any

import pytest
from botocore.exceptions import ClientError

from clean_up.clients import Clients
from clean_up.rollback import CleanUpSettings, clean_up
from common.execution import EXECUTION_TAG, PROVEN_TAG, Execution
from common.failures import CleanUpFailed
from common.registration import registration
from common.scaling import scalable_target
from tests.functions.aws_account import BUCKET, PROJECT, Account
from tests.functions.release.test_rollout import EXECUTION, live, register
from tests.functions.release.test_rollout import run as release_one

SETTINGS = CleanUpSettings("kennel", BUCKET, PROJECT)


def once(account: Account, name: str = "two") -> dict[str, Any]:
    clients = Clients(account.sagemaker, account.autoscaling, account.codebuild, account.s3)
    return clean_up(Execution(EXECUTION + name), SETTINGS, clients)


def clean_up_fully(account: Account, name: str = "two") -> list[str]:
    """Call until it is done, as the state machine does, and once more."""
    actions: list[str] = []
    for _ in range(20):
        result = once(account, name)
        actions += result["actions"]
        if result["status"] == "done":
            assert once(account, name) == {"status": "done", "actions": []}
            return actions
    pytest.fail(f"not done after 20 calls: {actions}")


def update(outcome: str, proven: bool = False) -> tuple[Account, Any, Any]:
    """Return an account after an update, its former registration, and the release's result."""
    account = live(instances=3)
    register(account)
    former = registration(account.autoscaling, "kennel")
    account.changes_end = [outcome]
    released = release_one(account, "two")
    account.endpoints.settle()
    if proven:
        arn = account.endpoints.configs[released["config_name"]]["EndpointConfigArn"]
        account.endpoints.tags[arn][PROVEN_TAG] = "yes"
    return account, former, released


def state(account: Account) -> Any:
    endpoint = account.endpoints.endpoint
    assert endpoint is not None
    count = endpoint["ProductionVariants"][0]["CurrentInstanceCount"]
    return endpoint["EndpointConfigName"], endpoint["EndpointStatus"], count


def left(account: Account) -> set[str]:
    return {*account.endpoints.models, *account.endpoints.configs}


@pytest.mark.parametrize("outcome", ["done", "failed"])
def test_first_release_leaves_nothing(outcome: str) -> None:
    account = Account(changes_end=[outcome], polls=2)
    release_one(account, "two")
    register(account)  # as far as ApplyAutoscaling
    clean_up_fully(account)
    assert account.endpoints.endpoint is None
    assert left(account) == set()
    assert account.scaling.target is None


def test_proven_first_release_that_failed_later_leaves_nothing_either() -> None:
    account = Account()
    released = release_one(account, "two")
    account.endpoints.settle()
    arn = account.endpoints.configs[released["config_name"]]["EndpointConfigArn"]
    account.endpoints.tags[arn][PROVEN_TAG] = "yes"
    clean_up_fully(account)
    assert account.endpoints.endpoint is None
    assert left(account) == set()


@pytest.mark.parametrize("outcome", ["done", "back", "failed"])
def test_unproven_update_is_rolled_back(outcome: str) -> None:
    account, former, released = update(outcome)
    clean_up_fully(account)
    assert state(account) == (released["previous_config_name"], "InService", 3)
    assert registration(account.autoscaling, "kennel") == former
    assert left(account) == {released["previous_config_name"]}
    updates = account.called("UpdateEndpoint")
    assert len(updates) == (2 if outcome == "done" else 1)  # 1: SageMaker rolled back by itself


def test_rollback_keeps_the_current_instance_count() -> None:
    account, _, _ = update("done")
    once(account)
    (_, rollback) = [request for name, request in account.calls if name == "UpdateEndpoint"]
    assert rollback["RetainAllVariantProperties"] is True


def test_nothing_is_changed_while_sagemaker_is_busy() -> None:
    account = live()
    register(account)
    account.polls = 5
    release_one(account, "two")
    account.calls.clear()
    assert once(account) == once(account) == {"status": "waiting", "actions": []}
    assert not [name for name in account.called() if not name.startswith(("Describe", "List"))]


def test_proven_update_stays_with_the_former_registration() -> None:
    account, former, released = update("done", proven=True)
    names = scalable_target("kennel")  # ApplyAutoscaling failed half way
    account.autoscaling.register_scalable_target(**names, MinCapacity=1, MaxCapacity=1)
    clean_up_fully(account)
    assert state(account) == (released["config_name"], "InService", 3)
    assert registration(account.autoscaling, "kennel") == former
    assert left(account) == {released["config_name"], released["previous_config_name"]}


def test_release_that_ended_between_model_and_configuration() -> None:
    account = Account(times_out=["CreateModel"])
    with pytest.raises(TimeoutError):
        release_one(account, "two")
    assert len(left(account)) == 1
    clean_up_fully(account)
    assert left(account) == set()


def test_release_that_never_reached_the_endpoint() -> None:
    account = live()
    register(account)
    before = state(account), registration(account.autoscaling, "kennel"), left(account)
    account.refuse("UpdateEndpoint", "ResourceLimitExceeded")
    with pytest.raises(ClientError):
        release_one(account, "two")
    assert account.scaling.target is None  # the release has taken it away
    clean_up_fully(account)
    assert (state(account), registration(account.autoscaling, "kennel"), left(account)) == before


def test_execution_that_released_nothing_touches_nothing() -> None:
    account = live()
    register(account)
    before = state(account), registration(account.autoscaling, "kennel"), left(account)
    assert clean_up_fully(account, "three") == []
    assert (state(account), registration(account.autoscaling, "kennel"), left(account)) == before


def test_later_release_is_not_taken_back() -> None:
    account, _, _ = update("back")
    later = release_one(account, "three")
    account.endpoints.settle()
    clean_up_fully(account, "two")
    assert state(account)[0] == later["config_name"]


def test_endpoint_that_was_deleted_in_the_meantime() -> None:
    account, _, released = update("done")
    account.endpoints.endpoint = None
    clean_up_fully(account)
    assert left(account) == {released["previous_config_name"]}


def test_failed_rollback_is_reported_and_not_repeated() -> None:
    account, _, _ = update("done")
    account.changes_end = ["back"]
    with pytest.raises(
        CleanUpFailed, match=r"the rollback to .* failed too: update the endpoint by hand"
    ):
        clean_up_fully(account)
    assert len(account.called("UpdateEndpoint")) == 2


def test_endpoint_that_must_be_repaired_by_hand() -> None:
    account, _, _ = update("back")
    assert account.endpoints.endpoint is not None
    account.endpoints.endpoint |= {"EndpointStatus": "OutOfService", "FailureReason": "Who knows"}
    with pytest.raises(CleanUpFailed, match=r"is OutOfService on .*: Who knows\. Repair it"):
        once(account)


@pytest.mark.parametrize("kind", ["EndpointConfigArn", "ModelArn"])
def test_resource_of_this_name_that_another_execution_made_stays(kind: str) -> None:
    account = Account()
    released = release_one(account, "two")
    account.endpoints.settle()
    account.endpoints.endpoint = None
    name = released["config_name"]
    owned = {**account.endpoints.configs[name], **account.endpoints.models[name]}
    account.endpoints.tags[owned[kind]][EXECUTION_TAG] = EXECUTION + "one"
    clean_up_fully(account)
    assert (name in account.endpoints.configs) is (kind == "EndpointConfigArn")
    assert (name in account.endpoints.models) is (kind == "ModelArn")
