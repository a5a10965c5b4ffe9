"""Roles and policies that a client makes by IAM's API hold like the template's."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError

from kennel.cloud.cloud import Cloud
from kennel.cloud.cloudformation.names import ACCOUNT
from kennel.cloud.runtime.clients import client

BUCKET = "arn:aws:s3:::bare-bucket"
SAGEMAKER = {"Service": "sagemaker.amazonaws.com"}
PEOPLE = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}


def policy(action: str, resource: str, effect: str = "Allow", **more: Any) -> str:
    statement = {"Effect": effect, "Action": action, "Resource": resource, **more}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def trust(*principals: dict[str, str], **more: Any) -> str:
    statements = [
        {"Effect": "Allow", "Principal": each, "Action": "sts:AssumeRole", **more}
        for each in principals
    ]
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


@dataclass
class MadeRole:
    """A role that was made by the API, and what its session may do."""

    url: str
    iam: Any
    name: str = "made"
    arn: str = f"arn:aws:iam::{ACCOUNT}:role/service-role/made"

    def session(self, service: str, **options: str) -> Any:
        """Return a client with the role's permissions."""
        sts = client("sts", self.url)
        answer = sts.assume_role(RoleArn=self.arn, RoleSessionName="someone", **options)
        return client(service, self.url, answer["Credentials"]["AccessKeyId"])

    def may(self, method: str, **parameters: Any) -> bool:
        """Return whether its session may do this in S3."""
        try:
            getattr(self.session("s3"), method)(**parameters)
        except ClientError as error:
            if error.response["Error"]["Code"] == "AccessDenied":
                return False
            raise
        return True

    def may_list(self) -> bool:
        return self.may("list_objects_v2", Bucket="bare-bucket")


@pytest.fixture
def role(bare_cloud: Cloud) -> Iterator[MadeRole]:
    iam = client("iam", bare_cloud.url)
    iam.create_role(
        RoleName="made", Path="/service-role/", AssumeRolePolicyDocument=trust(PEOPLE, SAGEMAKER)
    )
    yield MadeRole(bare_cloud.url, iam)
    for name in iam.list_role_policies(RoleName="made")["PolicyNames"]:
        iam.delete_role_policy(RoleName="made", PolicyName=name)
    for each in iam.list_attached_role_policies(RoleName="made")["AttachedPolicies"]:
        iam.detach_role_policy(RoleName="made", PolicyArn=each["PolicyArn"])
    iam.delete_role(RoleName="made")
    with pytest.raises(ClientError, match="sts:AssumeRole"):
        client("sts", bare_cloud.url).assume_role(RoleArn=MadeRole.arn, RoleSessionName="someone")


def test_inline_policies_hold_from_when_they_are_put_until_they_are_deleted(role: MadeRole) -> None:
    session = role.session("s3")
    with pytest.raises(ClientError, match="assumed-role/made/someone is not authorized"):
        session.list_objects_v2(Bucket="bare-bucket")
    role.iam.put_role_policy(
        RoleName="made", PolicyName="list", PolicyDocument=policy("s3:ListBucket", BUCKET)
    )
    session.list_objects_v2(Bucket="bare-bucket")
    assert not role.may("put_object", Bucket="bare-bucket", Key="k", Body=b"")
    role.iam.put_role_policy(
        RoleName="made", PolicyName="deny", PolicyDocument=policy("s3:*", "*", "Deny")
    )
    assert not role.may_list()
    role.iam.delete_role_policy(RoleName="made", PolicyName="deny")
    assert role.may_list()
    role.iam.delete_role_policy(RoleName="made", PolicyName="list")
    assert not role.may_list()


def test_managed_policies_hold_by_their_default_version(role: MadeRole) -> None:
    reading = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
    role.iam.attach_role_policy(RoleName="made", PolicyArn=reading)
    assert role.may_list()
    role.iam.detach_role_policy(RoleName="made", PolicyArn=reading)
    own = role.iam.create_policy(PolicyName="own", PolicyDocument=policy("s3:ListBucket", BUCKET))[
        "Policy"
    ]["Arn"]
    role.iam.attach_role_policy(RoleName="made", PolicyArn=own)
    assert role.may_list()
    role.iam.create_policy_version(
        PolicyArn=own, PolicyDocument=policy("s3:GetObject", f"{BUCKET}/*"), SetAsDefault=True
    )
    assert not role.may_list()
    role.iam.set_default_policy_version(PolicyArn=own, VersionId="v1")
    assert role.may_list()


def test_a_boundary_limits_what_the_policies_allow(role: MadeRole) -> None:
    role.iam.put_role_policy(RoleName="made", PolicyName="all", PolicyDocument=policy("*", "*"))
    assert role.may_list()
    boundary = "arn:aws:iam::aws:policy/AmazonSQSFullAccess"
    role.iam.put_role_permissions_boundary(RoleName="made", PermissionsBoundary=boundary)
    assert not role.may_list()


def test_variables_and_exceptions_are_evaluated(role: MadeRole) -> None:
    statement = {"NotAction": "s3:Delete*", "Effect": "Allow", "NotResource": "arn:aws:s3:::other*"}
    same = {"StringEquals": {"aws:ResourceAccount": "${aws:PrincipalAccount}"}}
    document = json.dumps({"Version": "2012-10-17", "Statement": {**statement, "Condition": same}})
    role.iam.put_role_policy(RoleName="made", PolicyName="most", PolicyDocument=document)
    assert role.may_list()
    assert not role.may("delete_object", Bucket="bare-bucket", Key="k")
    assert not role.may("list_objects_v2", Bucket="other")


def test_the_trust_policy_says_who_assumes_a_role(role: MadeRole, bare_cloud: Cloud) -> None:
    template_role = f"arn:aws:iam::{ACCOUNT}:role/bare-ClassifyRole"
    sts = client("sts", bare_cloud.url)
    with pytest.raises(ClientError) as refused:  # Lambda alone may
        sts.assume_role(RoleArn=template_role, RoleSessionName="someone")
    assert refused.value.response["Error"]["Code"] == "AccessDenied"
    role.iam.update_assume_role_policy(
        RoleName="made",
        PolicyDocument=trust(PEOPLE, Condition={"StringEquals": {"sts:ExternalId": "42"}}),
    )
    with pytest.raises(ClientError, match="not authorized"):
        role.session("sts")
    session = role.session("sts", ExternalId="42")
    identity = session.get_caller_identity()
    assert identity["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/made/someone"
    assert identity["Account"] == ACCOUNT


def test_sagemaker_takes_a_role_that_trusts_it_with_the_roles_permissions(
    role: MadeRole, bare_cloud: Cloud
) -> None:
    sagemaker = client("sagemaker", bare_cloud.url)
    request = {
        "TrainingJobName": "by-a-made-role",
        "RoleArn": role.arn,
        "AlgorithmSpecification": {
            "TrainingImage": "kennel/serving:offline",
            "TrainingInputMode": "File",
        },
        "OutputDataConfig": {"S3OutputPath": "s3://bare-bucket/out"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
        "InputDataConfig": [
            {
                "ChannelName": "train",
                "DataSource": {
                    "S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://bare-bucket/nothing"}
                },
            }
        ],
    }
    sagemaker.create_training_job(**request)
    role.iam.update_assume_role_policy(RoleName="made", PolicyDocument=trust(PEOPLE))
    with pytest.raises(ClientError, match="Could not assume role"):
        sagemaker.create_training_job(**{**request, "TrainingJobName": "another"})


def test_a_template_roles_policies_can_be_changed(bare_cloud: Cloud) -> None:
    iam, s3 = client("iam", bare_cloud.url), client("s3", bare_cloud.url, "TrainingRole")
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.get_bucket_versioning(Bucket="bare-bucket")
    name = {"RoleName": "bare-TrainingRole", "PolicyName": "more"}
    iam.put_role_policy(**name, PolicyDocument=policy("s3:GetBucketVersioning", BUCKET))
    s3.get_bucket_versioning(Bucket="bare-bucket")
    iam.delete_role_policy(**name)
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.get_bucket_versioning(Bucket="bare-bucket")


def test_what_cannot_be_evaluated_is_refused_and_nothing_changes(role: MadeRole) -> None:
    document = policy("s3:*", "*", Condition={"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}})
    with pytest.raises(ClientError, match=r"NotImplementedOffline.*IpAddress"):
        role.iam.put_role_policy(RoleName="made", PolicyName="p", PolicyDocument=document)
    assert role.iam.list_role_policies(RoleName="made")["PolicyNames"] == []
    with pytest.raises(ClientError, match="MalformedPolicyDocument"):
        role.iam.put_role_policy(RoleName="made", PolicyName="p", PolicyDocument="{}")
    with pytest.raises(ClientError, match="NoSuchEntity"):
        role.iam.attach_role_policy(RoleName="made", PolicyArn="arn:aws:iam::aws:policy/None")


def test_the_policy_simulator_answers_as_a_call_would_be(role: MadeRole) -> None:
    role.iam.put_role_policy(
        RoleName="made",
        PolicyName="list",
        PolicyDocument=policy(
            "s3:ListBucket", BUCKET, Condition={"StringLike": {"s3:prefix": "photos/*"}}
        ),
    )
    ask = {
        "PolicySourceArn": role.arn,
        "ActionNames": ["s3:ListBucket", "s3:PutObject"],
        "ResourceArns": [BUCKET, "arn:aws:s3:::other"],
    }
    prefix = [
        {
            "ContextKeyName": "s3:prefix",
            "ContextKeyValues": ["photos/1"],
            "ContextKeyType": "string",
        }
    ]
    deny = policy("s3:Put*", "*", "Deny")
    answer = role.iam.simulate_principal_policy(
        **ask, ContextEntries=prefix, PolicyInputList=[deny]
    )
    assert [
        (each["EvalActionName"], each["EvalResourceName"], each["EvalDecision"])
        for each in answer["EvaluationResults"]
    ] == [
        ("s3:ListBucket", BUCKET, "allowed"),
        ("s3:ListBucket", "arn:aws:s3:::other", "implicitDeny"),
        ("s3:PutObject", BUCKET, "explicitDeny"),
        ("s3:PutObject", "arn:aws:s3:::other", "explicitDeny"),
    ]
    matched = [each["MatchedStatements"] for each in answer["EvaluationResults"]]
    assert matched[0] == [{"SourcePolicyId": "role_made_list", "SourcePolicyType": "IAM Policy"}]
    assert matched[2][0]["SourcePolicyId"] == "PolicyInputList.1"
    without = role.iam.simulate_principal_policy(**ask)["EvaluationResults"][0]
    assert without["EvalDecision"] == "implicitDeny"
    assert without["MissingContextValues"] == ["s3:prefix"]
    pages = role.iam.get_paginator("simulate_principal_policy").paginate(
        **ask, PaginationConfig={"PageSize": 3}
    )
    assert [len(each["EvaluationResults"]) for each in pages] == [3, 1]


def test_policies_of_no_role_are_simulated(bare_cloud: Cloud) -> None:
    iam = client("iam", bare_cloud.url)
    answer = iam.simulate_custom_policy(
        PolicyInputList=[policy("s3:*", "*")],
        PermissionsBoundaryPolicyInputList=[policy("s3:Get*", "*")],
        ActionNames=["s3:GetObject", "s3:PutObject"],
    )
    decisions = [each["EvalDecision"] for each in answer["EvaluationResults"]]
    assert decisions == ["allowed", "implicitDeny"]
    detail = answer["EvaluationResults"][1]["PermissionsBoundaryDecisionDetail"]
    assert detail == {"AllowedByPermissionsBoundary": False}


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"PolicySourceArn": f"arn:aws:iam::{ACCOUNT}:role/nobody"}, "NoSuchEntity"),
        ({"PolicySourceArn": f"arn:aws:iam::{ACCOUNT}:user/somebody"}, "NotImplementedOffline"),
        ({"ActionNames": ["everything"]}, "InvalidInput"),
        ({"Marker": "another's"}, "InvalidInput"),
        ({"PolicyInputList": ["{"]}, "InvalidInput"),
        ({"PolicyInputList": ['{"Statement": [{"Effect": "Allow"}]}']}, "InvalidInput"),
        ({"PolicyInputList": ["[]"]}, "InvalidInput"),
        ({"ResourcePolicy": policy("s3:*", "*")}, "NotImplementedOffline"),
    ],
)
def test_a_simulation_that_cannot_be_made_is_refused(
    asked: dict[str, Any], code: str, bare_cloud: Cloud
) -> None:
    complete = {
        "PolicySourceArn": f"arn:aws:iam::{ACCOUNT}:role/bare-ClassifyRole",
        "ActionNames": ["s3:GetObject"],
    }
    with pytest.raises(ClientError) as refused:
        client("iam", bare_cloud.url).simulate_principal_policy(**{**complete, **asked})
    assert refused.value.response["Error"]["Code"] == code
