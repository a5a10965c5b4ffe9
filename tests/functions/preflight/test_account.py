"""What later states need of the account: the live endpoint, the image, the registry's group."""

from dataclasses import replace
from typing import Any

import pytest

from preflight.account import account_problems
from preflight.parameters import PreflightSettings
from tests.functions.aws_account import BUCKET, Account
from tests.functions.model_package import package
from tests.functions.preflight.live import KEY, live
from tests.functions.preflight.test_checks import GOOD, clients
from tests.functions.scaling import SERVERLESS


def problems(account: Account, settings: PreflightSettings = GOOD, *, trains: bool = True) -> str:
    return " ".join(account_problems(settings, clients(account), trains=trains))


@pytest.mark.parametrize("trains", [True, False])
def test_account_with_and_without_a_live_model(trains: bool) -> None:
    assert problems(Account(), trains=trains) == ""
    assert problems(live(), trains=trains) == ""
    assert problems(live("Kennel-By-Hand", "Kennel-By-Hand"), trains=trains) == ""  # as in ARNs


@pytest.mark.parametrize("trains", [True, False])
def test_configuration_that_the_roles_may_not_read(trains: bool) -> None:
    account = live(config="by-hand")
    account.refuse("DescribeEndpointConfig", "AccessDeniedException")
    sentence = problems(account, trains=trains)
    assert sentence.startswith("The endpoint kennel runs the configuration by-hand, which the")
    assert "update the endpoint to a configuration of such a name, or delete" in sentence


def test_model_that_the_roles_may_not_read() -> None:
    account = live(model="by-hand")
    account.refuse("DescribeModel", "AccessDeniedException")
    assert "serves the model by-hand, which the pipeline may not read" in problems(account)
    assert problems(account, trains=False) == ""  # only training reads it


@pytest.mark.parametrize("trains", [True, False])
def test_configuration_that_was_deleted(trains: bool) -> None:
    account = live()
    account.endpoints.configs.clear()
    assert "could not be rolled back to it" in problems(account, trains=trains)


def test_model_that_was_deleted() -> None:
    account = live()
    account.endpoints.models.clear()
    assert "The model kennel-1 of the live configuration kennel-1 was deleted" in problems(account)


@pytest.mark.parametrize(
    "change",
    [
        {"VariantName": "Main"},
        {"InstanceType": None},
        {"ModelName": None},  # of an endpoint with inference components
    ],
    ids=["another name", "instance pools", "without a model"],
)
@pytest.mark.parametrize("trains", [True, False])
def test_variants_that_no_release_makes(change: dict[str, Any], trains: bool) -> None:
    account = live()
    (variant,) = account.endpoints.configs["kennel-1"]["ProductionVariants"]
    variant |= change
    for key in [key for key, value in variant.items() if value is None]:
        del variant[key]
    assert "exactly one, AllTraffic, with a model and an" in problems(account, trains=trains)


@pytest.mark.parametrize("trains", [True, False])
def test_a_switch_of_hosting_names_the_way(trains: bool) -> None:
    on_instances, serverless = live(), live()
    (variant,) = serverless.endpoints.configs["kennel-1"]["ProductionVariants"]
    del variant["InstanceType"]
    variant["ServerlessConfig"] = SERVERLESS.config
    wants_serverless = replace(GOOD, serverless=SERVERLESS)
    assert problems(serverless, wants_serverless, trains=trains) == ""
    assert problems(on_instances, wants_serverless, trains=trains) == (
        "Hosting is serverless, and the endpoint kennel was released with Hosting=instances, which "
        "no update changes: delete the endpoint (aws sagemaker delete-endpoint --endpoint-name "
        "kennel) and release again, with a downtime until the new one is InService, or deploy with "
        "Hosting=instances."
    )
    assert "deploy with Hosting=serverless." in problems(serverless, trains=trains)
    assert problems(Account(), wants_serverless, trains=trains) == ""


@pytest.mark.parametrize(
    "url", ["s3://elsewhere/models/x/model.tar.gz", f"s3://{BUCKET}/mine/model.tar.gz", ""]
)
def test_package_that_training_may_not_read(url: str) -> None:
    sentence = problems(live(ModelDataUrl=url))
    assert f"has its package at {url or 'no ModelDataUrl'}" in sentence
    assert f"only s3://{BUCKET}/packages/ may be read" in sentence


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, f"There is no {KEY} in the bucket"),
        (b"no archive", "is no .tar.gz, or it is truncated"),
        (package(**{"card.json": None}), "lacks card.json: it is no package of Kennel's"),
    ],
    ids=["deleted", "broken", "another model"],
)
def test_live_package_that_training_cannot_compare_with(content: Any, words: str) -> None:
    account = live()
    account.objects.pop(KEY)
    if content is not None:
        account.objects[KEY] = content
    sentence = problems(account)
    assert sentence.startswith("Training cannot compare with the live model of kennel: ")
    assert words in sentence


@pytest.mark.parametrize("status", ["Failed", "OutOfService", "UpdateRollbackFailed"])
def test_endpoint_that_accepts_no_update(status: str) -> None:
    account = live()
    assert account.endpoints.endpoint is not None
    account.endpoints.endpoint |= {"EndpointStatus": status, "FailureReason": "No capacity."}
    assert problems(account) == (
        f"The endpoint kennel is {status} (No capacity.) and accepts no new model: delete it and "
        "start again."
    )


@pytest.mark.parametrize("trains", [True, False])
def test_registry_without_the_stacks_group(trains: bool) -> None:
    account = Account()
    account.endpoints.groups.clear()
    assert "There is no model package group kennel" in problems(account, trains=trains)
