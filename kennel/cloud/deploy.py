"""What moto runs, created in moto as the template says: buckets, roles, logs, state machines."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import boto3
import yaml
from botocore.config import Config

from kennel.cloud.access import OPERATOR_KEY
from kennel.cloud.names import REGION
from kennel.cloud.template import Stack


def client(service: str, url: str) -> Any:
    """Return a boto3 client of the operator for the offline cloud at `url`."""
    return boto3.client(
        service,
        endpoint_url=url,
        region_name=REGION,
        aws_access_key_id=OPERATOR_KEY,
        aws_secret_access_key="offline",  # noqa: S106 - signatures are not checked
        config=Config(s3={"addressing_style": "path"}, proxies={}),
    )


def deploy(stack: Stack, moto_url: str) -> None:
    """Create the stack's resources in moto at `moto_url`."""
    s3 = client("s3", moto_url)
    for bucket in stack.of_type("AWS::S3::Bucket"):
        s3.create_bucket(Bucket=bucket.name)
        if bucket.properties.get("VersioningConfiguration"):
            s3.put_bucket_versioning(
                Bucket=bucket.name,
                VersioningConfiguration=bucket.properties["VersioningConfiguration"],
            )
    iam = client("iam", moto_url)
    for role in stack.of_type("AWS::IAM::Role"):
        trust = json.dumps(role.properties["AssumeRolePolicyDocument"])
        iam.create_role(RoleName=role.name, AssumeRolePolicyDocument=trust)
        for policy in role.properties.get("Policies", []):
            iam.put_role_policy(
                RoleName=role.name,
                PolicyName=policy["PolicyName"],
                PolicyDocument=json.dumps(policy["PolicyDocument"]),
            )
    logs = client("logs", moto_url)
    for group in stack.of_type("AWS::Logs::LogGroup"):
        logs.create_log_group(logGroupName=group.name)
        if days := group.properties.get("RetentionInDays"):
            logs.put_retention_policy(logGroupName=group.name, retentionInDays=int(days))
    states = client("stepfunctions", moto_url)
    for machine in stack.of_type("AWS::StepFunctions::StateMachine"):
        states.create_state_machine(
            name=machine.name,
            definition=_definition(machine.properties),
            roleArn=machine.properties["RoleArn"],
            type=machine.properties.get("StateMachineType", "STANDARD"),
        )


def _definition(properties: Mapping[str, Any]) -> str:
    """Return the definition as JSON text; CloudFormation substitutes in the file's raw text."""
    text = Path("/", properties["DefinitionS3Location"]["Key"]).read_text()
    for name, value in properties.get("DefinitionSubstitutions", {}).items():
        text = text.replace(f"${{{name}}}", str(value))
    return json.dumps(yaml.safe_load(text))
