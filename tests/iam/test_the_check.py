"""The check rejects a template with any of these broader roles."""

import re
from pathlib import Path

import pytest

from tests.iam.check import neighbours, problems
from tests.iam.engines import kennel
from tests.stack import TEMPLATE

TEXT = TEMPLATE.read_text()


def in_statement(role: str, sid: str, old: str, new: str) -> str:
    """Return the template with one statement of one role changed."""
    start = TEXT.index(f"\n  {role}:\n")
    start = TEXT.index(f"- Sid: {sid}", start)
    end = re.compile(r"\n\s+- (Sid:|[*&])|\n\n").search(TEXT, start)
    assert end
    statement = TEXT[start : end.start()]
    changed = re.sub(old, new, statement, count=1)
    assert changed != statement, f"{sid} of {role} has nothing like {old}"
    return TEXT[:start] + changed + TEXT[end.start() :]


def in_role(role: str, old: str, new: str) -> str:
    """Return the template with the first `old` of a role's block changed."""
    start = TEXT.index(f"\n  {role}:\n")
    changed = TEXT[start:].replace(old, new, 1)
    assert changed != TEXT[start:]
    return TEXT[:start] + changed


ENDPOINT = r"endpoint/\$\{EndpointName\}"
CONDITION = r"(?s)\n\s+Condition:.*"
MUTATIONS = {
    "every action": in_statement(
        "ClassifyRole", "InvokeTheEndpoint", "sagemaker:InvokeEndpoint", '"sagemaker:*"'
    ),
    "all with the same prefix": in_statement(
        "ClassifyRole", "InvokeTheEndpoint", "sagemaker:InvokeEndpoint", '"sagemaker:Invoke*"'
    ),
    "every resource": in_statement(
        "ClassifyRole", "InvokeTheEndpoint", r"Resource: .*", 'Resource: "*" # without a reason'
    ),
    "every endpoint": in_statement("ClassifyRole", "InvokeTheEndpoint", ENDPOINT, "endpoint/*"),
    "endpoints with the same prefix": in_statement(
        "ClassifyRole", "InvokeTheEndpoint", ENDPOINT, "endpoint/${EndpointName}*"
    ),
    "another endpoint": in_statement(
        "ClassifyRole", "InvokeTheEndpoint", ENDPOINT, "endpoint/another"
    ),
    "every region": in_statement("ClassifyRole", "InvokeTheEndpoint", r"\$\{AWS::Region\}", "*"),
    "every account": in_statement(
        "ClassifyRole", "InvokeTheEndpoint", r"\$\{AWS::AccountId\}", "*"
    ),
    "one action too many": in_statement(
        "PageRole", "ReadTheLiveBreeds", "s3:GetObject", "[s3:GetObject, s3:DeleteObject]"
    ),
    "a describe too many": in_statement(
        "ClassifyRole",
        "InvokeTheEndpoint",
        "sagemaker:InvokeEndpoint",
        "[sagemaker:InvokeEndpoint, sagemaker:DescribeEndpoint]",
    ),
    "an asynchronous call too many": in_statement(
        "ClassifyRole",
        "InvokeTheEndpoint",
        "sagemaker:InvokeEndpoint",
        "[sagemaker:InvokeEndpoint, sagemaker:InvokeEndpointAsync]",
    ),
    "the whole bucket": in_statement("PageRole", "ReadTheLiveBreeds", "/live/", "/"),
    "a shorter prefix": in_statement("PageRole", "ReadTheLiveBreeds", r"/live/\*", "/live*"),
    "a list of the whole bucket": in_statement("PreflightRole", "CountThePhotos", CONDITION, ""),
    "a bundle may be overwritten": in_statement("PublishBundleRole", "WriteBundles", CONDITION, ""),
    "a role for any service": in_statement("ReleaseRole", "PassTheModelRole", CONDITION, ""),
    "a role for another service": in_statement(
        "ReleaseRole", "PassTheModelRole", "sagemaker.amazonaws", "lambda.amazonaws"
    ),
    "any role": in_statement(
        "ReleaseRole",
        "PassTheModelRole",
        "!GetAtt ModelRole.Arn",
        "!Sub arn:${AWS::Partition}:iam::${AWS::AccountId}:role/*",
    ),
    "scaling of any service": in_statement("ApplyAutoscalingRole", "SetScaling", CONDITION, ""),
    "every function": in_statement(
        "TrainAndDeployRole",
        "RunTheSteps",
        "!GetAtt PreflightFunction.Arn",
        "!Sub arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:*",
    ),
    "every state machine": in_statement(
        "CleanUpRuleRole",
        "StartTheCleanUp",
        "!Ref CleanUpMachine",
        "!Sub arn:${AWS::Partition}:states:${AWS::Region}:${AWS::AccountId}:stateMachine:*",
    ),
    "the other state machine": in_statement(
        "CleanUpRuleRole", "StartTheCleanUp", "CleanUpMachine", "TrainAndDeploy"
    ),
    "the logs of every function": in_statement(
        "PageRole",
        "WriteOwnLogs",
        "!GetAtt PageLogGroup.Arn",
        "!Sub arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:log-group:*",
    ),
    "every metric": in_statement("ModelRole", "SendMetrics", CONDITION, ""),
    "all but some actions": in_statement(
        "PageRole", "ReadTheLiveBreeds", "Action: s3:GetObject", "NotAction: s3:DeleteObject"
    ),
    "all but some resources": in_statement(
        "PageRole", "ReadTheLiveBreeds", "Resource:", "NotResource:"
    ),
    "a star without a reason": in_statement(
        "ModelRole", "LogInToTheRegistry", r'Resource: "\*" #.*', 'Resource: "*"'
    ),
    "a managed policy": in_role(
        "PageRole",
        "      Policies:\n",
        "      ManagedPolicyArns: [arn:aws:iam::aws:policy/AmazonSageMakerFullAccess]\n"
        "      Policies:\n",
    ),
    "a role that SAM makes": in_role(
        "PageFunction",
        "      Role: !GetAtt PageRole.Arn\n",
        "      Policies: [AmazonS3FullAccess]\n",
    ),
    "a policy beside the role": in_role(
        "PageRole",
        "\n  PageRole:\n",
        "\n  More:\n    Type: AWS::IAM::Policy\n    Properties: { PolicyName: x }\n\n  PageRole:\n",
    ),
    "data that is kept may be deleted": TEXT.replace(
        'DeleteData: !Equals [!Ref KeepData, "false"]',
        'DeleteData: !Not [!Equals [!Ref KeepData, ""]]',
    ),
    "data that goes may not be deleted": TEXT.replace(
        'DeleteData: !Equals [!Ref KeepData, "false"]', 'DeleteData: !Equals [!Ref KeepData, ""]'
    ),
    "a call that is not allowed": in_statement(
        "SmokeTestRole", "InvokeTheEndpoint", "sagemaker:InvokeEndpoint, ", ""
    ),
    "a dependent action that is missing": in_statement(
        "ApplyAutoscalingRole",
        "AutoscalingUsesTheEndpoint",
        ", sagemaker:UpdateEndpointWeightsAndCapacities",
        "",
    ),
}


@pytest.fixture(scope="module")
def of_the_template() -> set[str]:
    return set(problems(TEMPLATE, kennel))


@pytest.mark.parametrize(
    "mutation",
    [
        pytest.param(name, marks=[] if place % 7 == 0 else pytest.mark.slow)
        for place, name in enumerate(MUTATIONS)
    ],
)
def test_broader_role_does_not_pass(
    mutation: str, tmp_path: Path, of_the_template: set[str]
) -> None:
    template = tmp_path / "template.yaml"
    template.write_text(MUTATIONS[mutation])
    assert set(problems(template, kennel)) - of_the_template


def test_mutations_differ() -> None:
    assert len(set(MUTATIONS.values())) == len(MUTATIONS) >= 10
    assert TEXT not in MUTATIONS.values()


@pytest.mark.parametrize(
    ("arn", "expected"),
    [
        ("*", set()),
        (
            "arn:aws:sagemaker:us-east-1:123456789012:endpoint/kennel",
            {
                "arn:aws:sagemaker:eu-central-1:123456789012:endpoint/kennel",
                "arn:aws:sagemaker:us-east-1:999999999999:endpoint/kennel",
                "arn:aws:sagemaker:us-east-1:123456789012:endpoint/another-kennel",
                "arn:aws:sagemaker:us-east-1:123456789012:endpoint/kennel-other",
            },
        ),
        (
            "arn:aws:s3:::photos/live/breeds.json",
            {
                "arn:aws:s3:::another-photos/live/breeds.json",
                "arn:aws:s3:::photos/elsewhere/breeds.json",
                "arn:aws:s3:::photos/lives/breeds.json",
            },
        ),
        (
            "arn:aws:sns:us-east-1:123456789012:news",
            {
                "arn:aws:sns:eu-central-1:123456789012:news",
                "arn:aws:sns:us-east-1:999999999999:news",
                "arn:aws:sns:us-east-1:123456789012:another-news",
            },
        ),
    ],
)
def test_neighbours(arn: str, expected: set[str]) -> None:
    assert set(neighbours(arn)) == expected
