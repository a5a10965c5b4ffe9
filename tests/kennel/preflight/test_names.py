"""Names in use, and stacks that take no deploy."""

import dataclasses

import pytest

from kennel.cloud.cloudformation.template import Resource, Stack
from kennel.cloud.runtime.clients import client
from kennel.deployed import DeployedStack
from kennel.deployment import Deployment, read
from kennel.preflight.findings import Finding, Level
from kennel.preflight.names import names, stack
from tests.kennel.conftest import clients, scripted

OURS = DeployedStack(
    "UPDATE_COMPLETE", {"EndpointName": "kennel"}, {}, {"Images": "kennel/serving"}
)
FREE = ("describe_endpoint", "ValidationException")
IN_USE = (
    "describe_endpoint",
    {
        "EndpointName": "kennel",
        "EndpointArn": "arn:aws:sagemaker:us-east-1:123456789012:endpoint/kennel",
        "EndpointStatus": "InService",
        "CreationTime": 0,
        "LastModifiedTime": 0,
    },
)


@pytest.mark.parametrize(
    ("deployed", "level"),
    [
        (None, Level.FINE),
        (OURS, Level.FINE),
        (dataclasses.replace(OURS, status="ROLLBACK_COMPLETE"), Level.BLOCKS),
        (dataclasses.replace(OURS, status="DELETE_FAILED"), Level.BLOCKS),
        (dataclasses.replace(OURS, status="UPDATE_IN_PROGRESS"), Level.BLOCKS),
        (dataclasses.replace(OURS, status="UPDATE_ROLLBACK_COMPLETE"), Level.FINE),
        (dataclasses.replace(OURS, parameters={"Other": "x"}), Level.BLOCKS),  # somebody else's
        (dataclasses.replace(OURS, parameters={"EndpointName": "old"}), Level.BLOCKS),
    ],
)
def test_a_stack_that_cannot_be_updated_blocks(
    deployed: DeployedStack | None, level: Level
) -> None:
    (finding,) = stack(read(None), deployed)
    assert finding.level is level
    assert bool(finding.remedy) is (level is Level.BLOCKS)


def test_new_endpoint_name_is_refused_in_one_sentence() -> None:
    deployed = dataclasses.replace(OURS, parameters={"EndpointName": "old"})
    (finding,) = stack(read(None), deployed)
    assert finding.found == (
        "its EndpointName is old, which is fixed, and this deployment has kennel"
    )


def test_switch_of_hosting_warns_and_names_the_way() -> None:
    serverless = read(None, ["Hosting=serverless"])
    fine, finding = stack(serverless, OURS)
    assert (fine.level, finding.level) == (Level.FINE, Level.WARNS)
    assert "delete-endpoint --endpoint-name kennel) and release again" in finding.remedy
    parameters = {"EndpointName": "kennel", "Hosting": "serverless"}
    (fine,) = stack(serverless, dataclasses.replace(OURS, parameters=parameters))


def with_names() -> Deployment:
    """A deployment with a repository, a bucket and a package group of chosen names."""
    chosen = {
        "Images": ("AWS::ECR::Repository", "RepositoryName", "kennel/serving"),
        "Photos": ("AWS::S3::Bucket", "BucketName", "kennel-photos"),
        "Group": ("AWS::SageMaker::ModelPackageGroup", "ModelPackageGroupName", "kennel"),
        "Logs": ("AWS::Logs::LogGroup", "LogGroupName", "/aws/sagemaker/Endpoints/kennel"),
        "NoName": ("AWS::S3::Bucket", "", "made-up"),
    }
    deployment = read(None)
    resources = {key: Resource(key, kind, name, "", {}) for key, (kind, _, name) in chosen.items()}
    declared = {
        key: {"Properties": {member: name} if member else {}}
        for key, (_, member, name) in chosen.items()
    }
    return dataclasses.replace(deployment, stack=Stack("kennel", resources, {}), declared=declared)


def findings_by_check(
    account: str, deployed: DeployedStack | None, *answers: object
) -> dict[str, Finding]:
    sagemaker = scripted("sagemaker", *answers)  # type: ignore[arg-type]
    findings = names(with_names(), deployed, clients(account, {"sagemaker": sagemaker}))
    return {finding.check: finding for finding in findings}


NO_GROUP = ("describe_model_package_group", "ValidationException")


def test_free_names(account: str) -> None:
    findings = findings_by_check(account, None, NO_GROUP, FREE)
    assert set(findings) == {
        "ECR Repository kennel/serving",
        "S3 Bucket kennel-photos",
        "SageMaker ModelPackageGroup kennel",
        "Logs LogGroup /aws/sagemaker/Endpoints/kennel",
        "SageMaker Endpoint kennel",
    }
    assert {finding.level for finding in findings.values()} == {Level.FINE}


def test_names_in_use(account: str) -> None:
    client("ecr", account).create_repository(repositoryName="kennel/serving")
    client("s3", account).create_bucket(Bucket="kennel-photos")
    # SageMaker creates it anew if the endpoint outlives its stack, or a stack before had none.
    client("logs", account).create_log_group(logGroupName="/aws/sagemaker/Endpoints/kennel")
    findings = findings_by_check(account, None, NO_GROUP, IN_USE)
    blocking = {finding.check for finding in findings.values() if finding.level is Level.BLOCKS}
    assert blocking == {
        "ECR Repository kennel/serving",
        "S3 Bucket kennel-photos",
        "Logs LogGroup /aws/sagemaker/Endpoints/kennel",
        "SageMaker Endpoint kennel",
    }
    # An update of the stack that has the repository: the others are another's.
    findings = findings_by_check(account, OURS, NO_GROUP)
    blocking = {finding.check for finding in findings.values() if finding.level is Level.BLOCKS}
    assert blocking == {
        "S3 Bucket kennel-photos",
        "Logs LogGroup /aws/sagemaker/Endpoints/kennel",
    }


def test_a_refused_look_up_is_not_fine_and_hides_no_other(account: str) -> None:
    findings = findings_by_check(
        account, None, ("describe_model_package_group", "AccessDeniedException"), IN_USE
    )
    group = findings["SageMaker ModelPackageGroup kennel"]
    assert group.level is Level.UNKNOWN
    assert group.found == "AccessDeniedException: message of AccessDeniedException"
    assert findings["SageMaker Endpoint kennel"].level is Level.BLOCKS
