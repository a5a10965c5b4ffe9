"""All checks in one list, whatever becomes of each."""

import json
from typing import Any

import boto3
import pytest
from botocore.config import Config
from rich.console import Console

from kennel.cloud.cloud import Cloud
from kennel.cloud.cloudformation.stack import client
from kennel.deployment import read
from kennel.preflight.findings import Finding, Level
from kennel.preflight.report import as_json, as_table, blocks, verdict
from kennel.preflight.run import findings
from tests.kennel.conftest import clients, scripted

WHO = ("get_caller_identity", {"Account": "123456789012", "Arn": "arn:aws:iam::1:user/me"})


def nobody(service: str) -> Any:
    """A client without credentials."""
    session = boto3.Session(region_name="us-east-1")
    session._session.register_component("credential_provider", _Nothing())
    return session.client(service, config=Config(retries={"total_max_attempts": 1}))


class _Nothing:
    def load_credentials(self) -> None:
        return None


def test_no_credentials_block_and_nothing_else_is_asked() -> None:
    first, rest = findings(read(None), nobody)
    assert (first.check, first.level) == ("credentials", Level.BLOCKS)
    assert "aws sso login" in first.remedy
    assert rest.level is Level.UNKNOWN


@pytest.mark.parametrize("code", ["ExpiredToken", "InvalidClientTokenId"])
def test_credentials_that_aws_does_not_take(code: str) -> None:
    sts = scripted("sts", ("get_caller_identity", code))
    first, _ = findings(read(None), lambda service: {"sts": sts}[service])
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
        "ecr": scripted("ecr", *[("describe_repositories", "AccessDeniedException")] * 9),
        "lambda": scripted("lambda", ("get_account_settings", "AccessDeniedException")),
        "service-quotas": scripted(
            "service-quotas", ("list_service_quotas", "AccessDeniedException")
        ),
    }
    wanted = read(None)
    found = list(findings(wanted, lambda service: scripts[service]))
    unknown = {each.check for each in found if each.level is Level.UNKNOWN}
    assert {"stack kennel", "SageMaker Endpoint kennel", "Lambda concurrency"} <= unknown
    assert "SageMaker quotas" in unknown
    assert not blocks(found)
    fine = {each.check for each in found if each.level is Level.FINE}
    assert fine <= {"credentials", "API Gateway log role", "network"}  # these asked nothing


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
            ("list_service_quotas", {"Quotas": [quota]}),
            ("list_aws_default_service_quotas", {"Quotas": []}),
        ),
    }
    found = list(findings(read(None), clients(account, scripts)))
    blocking = {each.check for each in found if each.level is Level.BLOCKS}
    assert {
        "stack kennel",  # CloudFormation has one of this name, and it is no Kennel
        "Lambda concurrency",
        "SageMaker quota: ml.c5.large for endpoint usage",
    } <= blocking
    assert all(each.remedy for each in found if each.level is not Level.FINE)


def test_what_the_offline_cloud_cannot_answer_is_not_fine(bare_cloud: Cloud) -> None:
    found = list(findings(read(None), lambda service: client(service, bare_cloud.url)))
    unknown = {each.check for each in found if each.level is Level.UNKNOWN}
    assert "Lambda concurrency" in unknown
    (endpoint,) = (each for each in found if each.check == "SageMaker Endpoint kennel")
    assert endpoint.level is Level.FINE  # the stand-in knows that there is none


FOUND = [
    Finding("a", Level.FINE, "good"),
    Finding("b", Level.BLOCKS, "[bold]bad[/bold]", "mend [it]"),
    Finding("c", Level.UNKNOWN, "no rights", "ask"),
]


def test_report_for_people_has_the_worst_first_and_all_words() -> None:
    console = Console(width=100, record=True, file=open("/dev/null", "w"))  # noqa: SIM115, PTH123
    console.print(as_table(FOUND))
    console.file.close()
    text = console.export_text()
    assert text.index("blocks") < text.index("could not check") < text.index("fine")
    assert "[bold]bad[/bold]" in text
    assert "mend [it]" in text
    assert verdict(FOUND) == "1 blocks, 1 could not check, 1 fine: mend what blocks first"
    assert verdict(FOUND[:1]) == "1 fine: nothing found that blocks"


def test_report_for_machines() -> None:
    said = json.loads(as_json(FOUND))
    assert said["blocks"] is True
    assert said["findings"][2] == {
        "check": "c",
        "level": "could not check",
        "found": "no rights",
        "remedy": "ask",
    }
    assert json.loads(as_json(FOUND[:1]))["blocks"] is False
