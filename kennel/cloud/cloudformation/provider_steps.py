"""Steps that a provider takes after its create call, and before its delete call."""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

from kennel.cloud.cloudformation.template import Resource
from kennel.cloud.runtime.clients import Clients
from kennel.cloud.runtime.shapes import parameters

if TYPE_CHECKING:
    from types_boto3_ec2.type_defs import IpPermissionTypeDef

Step = Callable[[Clients, Resource], None]


def set_versioning(clients: Clients, bucket: Resource) -> None:
    """Set a bucket's versioning."""
    if request := bucket.properties.get("VersioningConfiguration"):
        clients("s3").put_bucket_versioning(Bucket=bucket.name, VersioningConfiguration=request)


def put_policies(clients: Clients, role: Resource) -> None:
    """Put a role's inline policies."""
    for policy in role.properties.get("Policies", []):
        clients("iam").put_role_policy(
            RoleName=role.name,
            PolicyName=policy["PolicyName"],
            PolicyDocument=json.dumps(policy["PolicyDocument"]),
        )


def delete_policies(clients: Clients, role: Resource) -> None:
    """Delete a role's inline policies: a role that has any cannot be deleted."""
    for policy in role.properties.get("Policies", []):
        clients("iam").delete_role_policy(RoleName=role.name, PolicyName=policy["PolicyName"])


def set_retention(clients: Clients, group: Resource) -> None:
    """Set a log group's retention."""
    if days := group.properties.get("RetentionInDays"):
        clients("logs").put_retention_policy(logGroupName=group.name, retentionInDays=int(days))


def subscribe(clients: Clients, topic: Resource) -> None:
    """Create the subscriptions that a topic declares itself."""
    for each in topic.properties.get("Subscription", []):
        clients("sns").subscribe(TopicArn=topic.arn, **each)


def put_targets(clients: Clients, rule: Resource) -> None:
    """Put a rule's targets."""
    targets = rule.properties.get("Targets", [])
    if targets:
        request = {"Rule": rule.name, "Targets": targets}
        clients("events").put_targets(
            **parameters("events", "PutTargets", request, rule.logical_id)
        )


def remove_targets(clients: Clients, rule: Resource) -> None:
    """Remove a rule's targets: a rule that has any cannot be deleted."""
    ids = [each["Id"] for each in rule.properties.get("Targets", [])]
    if ids:
        clients("events").remove_targets(Rule=rule.name, Ids=ids)


def add_roles(clients: Clients, profile: Resource) -> None:
    """Add an instance profile's roles."""
    for role in profile.properties["Roles"]:
        clients("iam").add_role_to_instance_profile(InstanceProfileName=profile.name, RoleName=role)


def remove_roles(clients: Clients, profile: Resource) -> None:
    """Remove an instance profile's roles."""
    for role in profile.properties["Roles"]:
        clients("iam").remove_role_from_instance_profile(
            InstanceProfileName=profile.name, RoleName=role
        )


def authorize_ingress(clients: Clients, group: Resource) -> None:
    """Authorize a security group's ingress rules."""
    answer = clients("ec2").describe_security_groups(
        Filters=[{"Name": "group-name", "Values": [group.name]}]
    )
    group_id = answer["SecurityGroups"][0]["GroupId"]
    for rule in group.properties.get("SecurityGroupIngress", []):
        permission: IpPermissionTypeDef = {
            "IpProtocol": str(rule["IpProtocol"]),
            "FromPort": int(rule.get("FromPort", -1)),
            "ToPort": int(rule.get("ToPort", -1)),
            "IpRanges": [{"CidrIp": rule["CidrIp"]}],
        }
        clients("ec2").authorize_security_group_ingress(
            GroupId=group_id, IpPermissions=[permission]
        )
