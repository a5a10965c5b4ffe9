"""SageMaker's quotas against what a deployment will use."""

from typing import Any

import pytest

from kennel.deployment import read
from kennel.preflight.findings import Finding, Level
from kennel.preflight.quotas import quotas
from tests.kennel.conftest import clients, scripted


def quota(name: str, value: float) -> dict[str, Any]:
    return {"QuotaName": name, "QuotaCode": f"L-{abs(hash(name)) % 10**8:08}", "Value": value}


def findings_by_quota(
    applied: dict[str, float], default: dict[str, float], *overrides: str
) -> dict[str, Finding]:
    pages = (
        (listing, {"Quotas": [quota(name, value) for name, value in values.items()]})
        for listing, values in (
            ("list_service_quotas", applied),
            ("list_aws_default_service_quotas", default),
        )
    )
    deployment = read(None, list(overrides))
    connect = clients("", {"service-quotas": scripted("service-quotas", *pages)})
    return {
        finding.check.removeprefix("SageMaker quota: "): finding
        for finding in quotas(deployment, connect)
    }


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
    finding = findings_by_quota({HOSTING: value, BATCH: 1}, {})[HOSTING]
    assert finding.level is level
    if level is not Level.FINE:
        assert finding.found.startswith(f"{value}, and 10 are needed")
        assert "--desired-value 10" in finding.remedy
        assert quota(HOSTING, 0)["QuotaCode"] in finding.remedy


@pytest.mark.parametrize(("value", "level"), [(1, Level.FINE), (0, Level.BLOCKS)])
def test_training_needs_one(value: int, level: Level) -> None:
    assert findings_by_quota({TRAINING: value}, {})[TRAINING].level is level


def test_a_notebook_needs_its_own() -> None:
    notebook = "ml.t3.medium for notebook instance usage"
    assert findings_by_quota({notebook: 0}, {}, "Notebook=yes")[notebook].level is Level.BLOCKS
    assert notebook not in findings_by_quota({}, {})


def test_what_only_batch_needs_blocks_nothing() -> None:
    assert findings_by_quota({HOSTING: 10, BATCH: 0}, {})[BATCH].level is Level.WARNS


def test_awss_default_counts_where_the_account_has_no_value() -> None:
    findings = findings_by_quota({HOSTING: 10}, {BATCH: 4, HOSTING: 0})
    assert (findings[HOSTING].level, findings[BATCH].level) == (Level.FINE, Level.FINE)


def test_a_type_that_service_quotas_does_not_know_is_not_fine() -> None:
    findings = findings_by_quota({}, {}, "InstanceType=ml.m99.large")
    assert findings["ml.m99.large for endpoint usage"].level is Level.UNKNOWN
