"""What one create call does not do, and what has to go before a delete call: see makers.py."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from kennel.cloud.cloudformation.template import Resource
from kennel.cloud.runtime.shapes import parameters

#: A boto3 client of the operator, by service.
Clients = Callable[[str], Any]
Step = Callable[[Clients, Resource], None]


def version_bucket(clients: Clients, bucket: Resource) -> None:
    """Switch versioning on, if the template says so."""
    if given := bucket.properties.get("VersioningConfiguration"):
        clients("s3").put_bucket_versioning(Bucket=bucket.name, VersioningConfiguration=given)


def attach_policies(clients: Clients, role: Resource) -> None:
    """Put a role's inline policies."""
    for policy in role.properties.get("Policies", []):
        clients("iam").put_role_policy(
            RoleName=role.name,
            PolicyName=policy["PolicyName"],
            PolicyDocument=json.dumps(policy["PolicyDocument"]),
        )


def detach_policies(clients: Clients, role: Resource) -> None:
    """Remove them, which a role's deletion asks for."""
    for policy in role.properties.get("Policies", []):
        clients("iam").delete_role_policy(RoleName=role.name, PolicyName=policy["PolicyName"])


def retain(clients: Clients, group: Resource) -> None:
    """Set a log group's retention."""
    if days := group.properties.get("RetentionInDays"):
        clients("logs").put_retention_policy(logGroupName=group.name, retentionInDays=int(days))


def subscribe(clients: Clients, topic: Resource) -> None:
    """Make a topic's own subscriptions."""
    for each in topic.properties.get("Subscription", []):
        given = {"TopicArn": topic.arn, **each}
        clients("sns").subscribe(**subscription(given, clients("sns").meta.endpoint_url))


def subscription(properties: Mapping[str, Any], url: str) -> dict[str, Any]:
    """Return what to subscribe in moto: its SNS reaches a function only over HTTP, through us."""
    given = {key: properties[key] for key in ("TopicArn", "Protocol", "Endpoint")}
    if given["Protocol"] == "lambda":
        name = given["Endpoint"].rsplit(":", 1)[-1]
        given |= {"Protocol": "http", "Endpoint": f"{url}/kennel/sns/{name}"}
    return given


def aim(clients: Clients, rule: Resource) -> None:
    """Give a rule its targets."""
    targets = rule.properties.get("Targets", [])
    if targets:
        given = {"Rule": rule.name, "Targets": targets}
        clients("events").put_targets(**parameters("events", "PutTargets", given, rule.logical_id))


def aim_at_nothing(clients: Clients, rule: Resource) -> None:
    """Take a rule's targets away, which its deletion asks for."""
    ids = [each["Id"] for each in rule.properties.get("Targets", [])]
    if ids:
        clients("events").remove_targets(Rule=rule.name, Ids=ids)


def fill_profile(clients: Clients, profile: Resource) -> None:
    """Put a profile's roles into it."""
    for role in profile.properties["Roles"]:
        clients("iam").add_role_to_instance_profile(InstanceProfileName=profile.name, RoleName=role)


def empty_profile(clients: Clients, profile: Resource) -> None:
    """Take them out again."""
    for role in profile.properties["Roles"]:
        clients("iam").remove_role_from_instance_profile(
            InstanceProfileName=profile.name, RoleName=role
        )


def open_ports(clients: Clients, group: Resource) -> None:
    """Give a security group its rules of entry."""
    found = clients("ec2").describe_security_groups(
        Filters=[{"Name": "group-name", "Values": [group.name]}]
    )
    group_id = found["SecurityGroups"][0]["GroupId"]
    for rule in group.properties.get("SecurityGroupIngress", []):
        permission = {
            "IpProtocol": str(rule["IpProtocol"]),
            "FromPort": int(rule.get("FromPort", -1)),
            "ToPort": int(rule.get("ToPort", -1)),
            "IpRanges": [{"CidrIp": rule["CidrIp"]}],
        }
        clients("ec2").authorize_security_group_ingress(
            GroupId=group_id, IpPermissions=[permission]
        )
