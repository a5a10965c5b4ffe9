"""SageMaker's quotas against what a deployment will use."""

from typing import Any

import pytest

from kennel.deployment import read
from kennel.preflight.findings import Finding, Level
from kennel.preflight.quotas import quotas
from tests.kennel.conftest import clients, scripted


def quota(name: str, value: float) -> dict[str, Any]:
    return {"QuotaName": name, "QuotaCode": f"L-{abs(hash(name)) % 10**8:08}", "Value": value}


BUILDS = "Concurrently running builds for Linux/Small environment"


def page(values: dict[str, float]) -> dict[str, Any]:
    return {"Quotas": [quota(name, value) for name, value in values.items()]}


def findings_by_quota(
    applied: dict[str, float],
    default: dict[str, float],
    *overrides: str,
    builds: float | None = 1,
) -> dict[str, Finding]:
    """Check an account with SageMaker's quotas and CodeBuild's one; None where nobody asks it."""
    answers = [] if builds is None else [("list_service_quotas", page({BUILDS: builds}))]
    answers += [
        ("list_service_quotas", page(applied)),
        ("list_aws_default_service_quotas", page(default)),
    ]
    connect = clients("", {"service-quotas": scripted("service-quotas", *answers)})
    return {
        finding.check.removeprefix("quota: "): finding
        for finding in quotas(read(None, list(overrides)), connect)
    }


HOSTING = "ml.c5.large for endpoint usage"
BATCH = "ml.m5.large for transform job usage"  # ml.c5.large is no type of these
TRAINING = "ml.m5.xlarge for training job usage"


@pytest.mark.parametrize(
    ("value", "level", "low"),
    [
        (10, Level.FINE, 1),  # twice MaxInstances
        (9, Level.WARNS, 1),  # a release at full load fails
        (1, Level.WARNS, 1),  # the first release does not
        (0, Level.BLOCKS, 1),
        (2, Level.WARNS, 2),
        (1, Level.BLOCKS, 2),
    ],
)
def test_hosting_blocks_below_the_first_release_and_warns_below_all(
    value: int, level: Level, low: int
) -> None:
    given: dict[str, float] = {HOSTING: value, BATCH: 1}
    finding = findings_by_quota(given, {}, f"MinInstances={low}")[HOSTING]
    assert finding.level is level
    if level is not Level.FINE:
        assert finding.found.startswith(
            f"{value}; the first release needs {low}, a later step 10: an update of the endpoint"
        )
        assert "--service-code sagemaker" in finding.remedy
        assert "--desired-value 10" in finding.remedy
        assert quota(HOSTING, 0)["QuotaCode"] in finding.remedy


def test_an_account_that_may_build_nothing() -> None:
    finding = findings_by_quota({}, {}, builds=0)[BUILDS]
    assert finding.level is Level.BLOCKS
    assert "refuses even to queue a build" in finding.found
    assert "--service-code codebuild" in finding.remedy
    assert BUILDS not in findings_by_quota({}, {}, "ServingHost=ray", builds=None)


@pytest.mark.parametrize(("value", "level"), [(1, Level.FINE), (0, Level.BLOCKS)])
def test_training_needs_one_instance(value: int, level: Level) -> None:
    assert findings_by_quota({TRAINING: value}, {})[TRAINING].level is level


def test_what_only_batch_needs_blocks_nothing() -> None:
    assert findings_by_quota({HOSTING: 10, BATCH: 0}, {})[BATCH].level is Level.WARNS


def test_awss_default_counts_where_the_account_has_no_value() -> None:
    findings = findings_by_quota({HOSTING: 10}, {BATCH: 4, HOSTING: 0})
    assert (findings[HOSTING].level, findings[BATCH].level) == (Level.FINE, Level.FINE)


def test_a_type_that_service_quotas_does_not_know_is_not_fine() -> None:
    findings = findings_by_quota({}, {}, "InstanceType=ml.m99.large")
    assert findings["ml.m99.large for endpoint usage"].level is Level.UNKNOWN


def test_serverless_hosting_has_quotas_of_its_own() -> None:
    memory = "Memory size in MB per serverless endpoint"
    concurrency = "Maximum total concurrency that can be allocated across all serverless endpoints"
    given: dict[str, float] = {memory: 3072, concurrency: 4, TRAINING: 1, BATCH: 1}
    parameters = ("Hosting=serverless", "ServerlessMemory=4096", "InstanceType=ml.m5.4xlarge")
    findings = findings_by_quota(given, {}, *parameters)
    assert set(findings) == {*given, BUILDS}
    assert findings[memory].level is findings[concurrency].level is Level.BLOCKS
    assert findings[memory].found.startswith("3072; the first release needs 4096")
    assert memory not in findings_by_quota({HOSTING: 10, BATCH: 1}, {})
