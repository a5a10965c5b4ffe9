"""SageMaker's quotas against what a deployment will use."""

from typing import Any

import pytest

from kennel.deployment import read
from kennel.preflight.findings import Finding, Level
from kennel.preflight.quotas import quotas
from tests.kennel.conftest import clients, scripted


def quota(name: str, value: float) -> dict[str, Any]:
    return {"QuotaName": name, "QuotaCode": f"L-{abs(hash(name)) % 10**8:08}", "Value": value}


def look(
    applied: dict[str, float], default: dict[str, float], *overrides: str
) -> dict[str, Finding]:
    pages = (
        (listing, {"Quotas": [quota(name, value) for name, value in known.items()]})
        for listing, known in (
            ("list_service_quotas", applied),
            ("list_aws_default_service_quotas", default),
        )
    )
    wanted = read(None, list(overrides))
    connect = clients("", {"service-quotas": scripted("service-quotas", *pages)})
    return {each.check.removeprefix("SageMaker quota: "): each for each in quotas(wanted, connect)}


HOSTING = "ml.c5.large for endpoint usage"
BATCH = "ml.m5.large for transform job usage"  # ml.c5.large is no type of these
TRAINING = "ml.m5.xlarge for training job usage"


@pytest.mark.parametrize(
    ("value", "level"),
    [
        (10, Level.FINE),  # twice MaxInstances
        (9, Level.WARNS),  # a release at full load fails
        (2, Level.WARNS),
        (1, Level.BLOCKS),  # no second release at all
        (0, Level.BLOCKS),
    ],
)
def test_hosting_needs_twice_the_instances(value: int, level: Level) -> None:
    found = look({HOSTING: value, BATCH: 1}, {})[HOSTING]
    assert found.level is level
    if level is not Level.FINE:
        assert found.found.startswith(f"{value}, and 10 are needed")
        assert "--desired-value 10" in found.remedy
        assert quota(HOSTING, 0)["QuotaCode"] in found.remedy


@pytest.mark.parametrize(("value", "level"), [(1, Level.FINE), (0, Level.BLOCKS)])
def test_training_needs_one(value: int, level: Level) -> None:
    assert look({TRAINING: value}, {})[TRAINING].level is level


def test_a_notebook_needs_its_own() -> None:
    notebook = "ml.t3.medium for notebook instance usage"
    assert look({notebook: 0}, {}, "Notebook=yes")[notebook].level is Level.BLOCKS
    assert notebook not in look({}, {})


def test_what_only_batch_needs_blocks_nothing() -> None:
    assert look({HOSTING: 10, BATCH: 0}, {})[BATCH].level is Level.WARNS


def test_awss_default_counts_where_the_account_has_no_value() -> None:
    found = look({HOSTING: 10}, {BATCH: 4, HOSTING: 0})
    assert (found[HOSTING].level, found[BATCH].level) == (Level.FINE, Level.FINE)


def test_a_type_that_service_quotas_does_not_know_is_not_fine() -> None:
    found = look({}, {}, "InstanceType=ml.m99.large")
    assert found["ml.m99.large for endpoint usage"].level is Level.UNKNOWN
