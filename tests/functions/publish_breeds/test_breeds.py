"""The breeds of the live model are published, whatever was published before."""

from typing import Any

import pytest

from common.failures import LiveModelUnusable, PackageBroken
from publish_breeds.breeds import KEY, publish_breeds, try_to_publish
from tests.functions.aws_account import BUCKET, ENDPOINT, Account
from tests.functions.model_package import package

OLD, NEW = b'[{"breed": "Pug"}]', b'[{"breed": "Boxer"}, {"breed": "Pug"}]'


def live(config: str = "by-hand", breeds: bytes = NEW) -> Account:
    account = Account()
    account.objects[KEY] = OLD
    add(account, config, breeds)
    account.endpoints.endpoint = {"EndpointConfigName": config, "EndpointStatus": "InService"}
    return account


def package_key(config: str) -> str:
    return f"packages/{config.encode().hex():0>20}/model.tar.gz"


def add(account: Account, config: str, breeds: bytes) -> None:
    """Add a configuration, its model and its package."""
    key = package_key(config)
    account.objects[key] = package(**{"breeds.json": breeds})
    container = {"ModelDataUrl": f"s3://{BUCKET}/{key}"}
    account.endpoints.models[config] = {"PrimaryContainer": container}
    account.endpoints.configs[config] = {"ProductionVariants": [{"ModelName": config}]}


def publish(account: Account) -> Any:
    return publish_breeds(account.sagemaker, account.s3, ENDPOINT, BUCKET)


def set_status(account: Account, status: str) -> None:
    assert account.endpoints.endpoint is not None
    account.endpoints.endpoint["EndpointStatus"] = status
    account.polls = account.endpoints.polls_left = 9


@pytest.mark.parametrize("status", ["InService", "Updating", "RollingBack", "SystemUpdating"])
def test_breeds_of_the_live_package_are_published_again_and_again(status: str) -> None:
    account = live()
    set_status(account, status)
    assert publish(account) == publish(account) == {"config_name": "by-hand"}
    assert account.objects[KEY] == NEW


@pytest.mark.parametrize("status", ["Creating", "Failed", "Deleting", None])
def test_list_is_removed_where_nothing_is_live(status: str | None) -> None:
    account = live()
    if status is None:
        account.endpoints.endpoint = None
    else:
        set_status(account, status)
    assert publish(account) == publish(account) == {"config_name": None}
    assert KEY not in account.objects
    # in a versioned bucket each deletion would leave a marker
    assert account.called("DeleteObject") == ["DeleteObject"]


def test_endpoint_that_changes_meanwhile_is_published_again() -> None:
    account = live("first", OLD)
    add(account, "second", NEW)
    changed: list[bool] = []

    def change() -> None:
        if not changed and account.called("PutObject"):
            changed.append(True)
            assert account.endpoints.endpoint is not None
            account.endpoints.endpoint["EndpointConfigName"] = "second"

    describe = account.endpoints.describe_endpoint

    def describe_endpoint(EndpointName: str) -> Any:  # noqa: N803
        change()
        return describe(EndpointName)

    account.endpoints.describe_endpoint = describe_endpoint  # type: ignore[method-assign]
    assert publish(account) == {"config_name": "second"}
    assert account.objects[KEY] == NEW


@pytest.mark.parametrize(
    ("breeds", "words"),
    [
        (b"{", "is not what model/train.py writes"),
        (b'[{"name": "Pug"}]', "is not what model/train.py writes"),
        (b'[{"breed": 5}]', "has no list of names"),
        (b"[]", "has no list of names"),
    ],
)
def test_list_that_the_page_could_not_read_is_not_published(breeds: bytes, words: str) -> None:
    account = live(breeds=breeds)
    with pytest.raises(PackageBroken, match=words):
        publish(account)
    assert account.objects[KEY] == OLD


def test_package_without_breeds_keeps_the_list() -> None:
    account = live()
    account.objects[package_key("by-hand")] = package(**{"breeds.json": None})
    with pytest.raises(PackageBroken, match=r"lacks breeds\.json"):
        publish(account)
    assert account.objects[KEY] == OLD


def test_package_elsewhere_keeps_the_list() -> None:
    account = live()
    account.endpoints.models["by-hand"]["PrimaryContainer"]["ModelDataUrl"] = "s3://mine/x.tar.gz"
    with pytest.raises(LiveModelUnusable, match=r"has its package at s3://mine/x\.tar\.gz"):
        publish(account)
    assert account.objects[KEY] == OLD


def test_for_an_event_the_reason_is_one_sentence_in_the_log() -> None:
    account, logged = live(), list[str]()
    try_to_publish(account.sagemaker, account.s3, ENDPOINT, BUCKET, logged.append)
    assert (account.objects[KEY], logged) == (NEW, [])
    account.endpoints.configs.clear()
    try_to_publish(account.sagemaker, account.s3, ENDPOINT, BUCKET, logged.append)
    (sentence,) = logged
    assert sentence.startswith("GET /breeds keeps its list: The live configuration by-hand was del")
    assert account.objects[KEY] == NEW
