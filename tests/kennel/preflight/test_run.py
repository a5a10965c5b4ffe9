"""All checks are made, and reported, whether or not one of them fails."""

import json
from typing import Any

import boto3
import pytest
from botocore.config import Config
from rich.console import Console

from kennel.cloud.cloud import Cloud
from kennel.cloud.runtime.clients import client
from kennel.deployment import read
from kennel.preflight.findings import Finding, Level
from kennel.preflight.report import as_json, as_table, blocks, verdict
from kennel.preflight.run import run_checks
from tests.kennel.conftest import clients, scripted

WHO = ("get_caller_identity", {"Account": "123456789012", "Arn": "arn:aws:iam::1:user/me"})


def without_credentials(service: str) -> Any:
    """A client without credentials."""
    session: Any = boto3.Session(region_name="us-east-1")
    session._session.register_component("credential_provider", _Nothing())
    return session.client(service, config=Config(retries={"total_max_attempts": 1}))


class _Nothing:
    def load_credentials(self) -> None:
        return None


def test_no_credentials_block_and_nothing_else_is_checked() -> None:
    first, rest = run_checks(read(None), without_credentials)
    assert (first.check, first.level) == ("credentials", Level.BLOCKS)
    assert "aws sso login" in first.remedy
    assert rest.level is Level.UNKNOWN


@pytest.mark.parametrize("code", ["ExpiredToken", "InvalidClientTokenId"])
def test_rejected_credentials_block(code: str) -> None:
    sts = scripted("sts", ("get_caller_identity", code))
    first, _ = run_checks(read(None), lambda service: {"sts": sts}[service])
    assert first.level is Level.BLOCKS
    assert code in first.found


def test_every_refused_check_says_so_and_none_is_fine() -> None:
    scripts = {
        "sts": scripted("sts", WHO),
        "cloudformation": scripted("cloudformation", ("describe_stacks", "AccessDenied")),
        "sagemaker": scripted(
            "sagemaker",
            ("describe_model_package_group", "AccessDeniedException"),
            ("describe_endpoint", "AccessDeniedException"),
        ),
        "logs": scripted("logs", *[("describe_log_streams", "AccessDeniedException")] * 9),
        "ecr": scripted("ecr", *[("describe_repositories", "AccessDeniedException")] * 9),
        "lambda": scripted("lambda", ("get_account_settings", "AccessDeniedException")),
        "service-quotas": scripted(
            "service-quotas", ("list_service_quotas", "AccessDeniedException")
        ),
    }
    deployment = read(None)
    findings = list(run_checks(deployment, lambda service: scripts[service]))
    unknown = {each.check for each in findings if each.level is Level.UNKNOWN}
    assert {"stack kennel", "SageMaker Endpoint kennel", "Lambda concurrency"} <= unknown
    assert "quotas" in unknown
    assert not blocks(findings)
    fine = {each.check for each in findings if each.level is Level.FINE}
    assert fine <= {"credentials", "API Gateway log role"}  # these make no refused call


def test_all_problems_of_an_account_at_once(account: str) -> None:
    template = json.dumps({"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}})
    client("cloudformation", account).create_stack(StackName="kennel", TemplateBody=template)
    limit = {"ConcurrentExecutions": 10, "UnreservedConcurrentExecutions": 10}
    quota = {"QuotaName": "ml.c5.large for endpoint usage", "QuotaCode": "L-1", "Value": 0.0}
    scripts = {
        "lambda": scripted("lambda", ("get_account_settings", {"AccountLimit": limit})),
        "sagemaker": scripted(
            "sagemaker",
            ("describe_model_package_group", "ValidationException"),
            ("describe_endpoint", "ValidationException"),
        ),
        "service-quotas": scripted(
            "service-quotas",
            ("list_service_quotas", {"Quotas": []}),  # CodeBuild's
            ("list_aws_default_service_quotas", {"Quotas": []}),
            ("list_service_quotas", {"Quotas": [quota]}),
            ("list_aws_default_service_quotas", {"Quotas": []}),
        ),
    }
    findings = list(run_checks(read(None), clients(account, scripts)))
    blocking = {each.check for each in findings if each.level is Level.BLOCKS}
    assert {
        "stack kennel",  # there is one of this name, and not Kennel's
        "Lambda concurrency",
        "quota: ml.c5.large for endpoint usage",
    } <= blocking
    assert all(each.remedy for each in findings if each.level is not Level.FINE)


def test_the_offline_cloud_answers_every_check(bare_cloud: Cloud) -> None:
    findings = list(run_checks(read(None), lambda service: client(service, bare_cloud.url)))
    assert {each.check for each in findings if each.level is Level.UNKNOWN} == set()
    (endpoint,) = (each for each in findings if each.check == "SageMaker Endpoint kennel")
    assert endpoint.level is Level.FINE  # the offline SageMaker has none


FINDINGS = [
    Finding("a", Level.FINE, "good"),
    Finding("b", Level.BLOCKS, "[bold]bad[/bold]", "mend [it]"),
    Finding("c", Level.UNKNOWN, "no rights", "ask"),
]


def test_report_for_people_has_the_worst_first_and_all_words() -> None:
    console = Console(width=100, record=True, file=open("/dev/null", "w"))  # noqa: SIM115, PTH123
    console.print(as_table(FINDINGS))
    console.file.close()
    text = console.export_text()
    assert text.index("blocks") < text.index("could not check") < text.index("fine")
    assert "[bold]bad[/bold]" in text
    assert "mend [it]" in text
    assert verdict(FINDINGS) == "1 blocks, 1 could not check, 1 fine: mend what blocks first"
    assert verdict(FINDINGS[:1]) == "1 fine: nothing found that blocks"


def test_report_for_machines() -> None:
    document = json.loads(as_json(FINDINGS))
    assert document["blocks"] is True
    assert document["findings"][2] == {
        "check": "c",
        "level": "could not check",
        "found": "no rights",
        "remedy": "ask",
    }
    assert json.loads(as_json(FINDINGS[:1]))["blocks"] is False
