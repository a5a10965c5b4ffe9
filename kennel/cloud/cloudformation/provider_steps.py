"""Steps that a provider takes beside its calls: after create, before update, before delete."""

import json
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from kennel.cloud.cloudformation.template import Resource
from kennel.cloud.runtime.clients import Clients
from kennel.cloud.runtime.service_models import service_model
from kennel.cloud.runtime.shapes import parameters

if TYPE_CHECKING:
    from types_boto3_ec2.type_defs import IpPermissionTypeDef

Step = Callable[[Clients, Resource], None]
UpdateStep = Callable[[Clients, Resource, Resource], None]
_ENDPOINT_POLL_SECONDS = 0.5
_FUNCTION_DEFAULTS: Mapping[str, Any] = {
    "Description": "",
    "Environment": {"Variables": {}},
    "Layers": [],
    "LoggingConfig": {"LogFormat": "Text"},
    "MemorySize": 128,
    "Timeout": 3,
}


def set_versioning(clients: Clients, bucket: Resource) -> None:
    """Set a bucket's versioning."""
    if request := bucket.properties.get("VersioningConfiguration"):
        clients("s3").put_bucket_versioning(Bucket=bucket.name, VersioningConfiguration=request)


def put_policies(clients: Clients, role: Resource) -> None:
    """Put a role's inline policies, and attach its managed ones."""
    iam = clients("iam")
    for policy in role.properties.get("Policies", []):
        iam.put_role_policy(
            RoleName=role.name,
            PolicyName=policy["PolicyName"],
            PolicyDocument=_document(policy["PolicyDocument"]),
        )
    for arn in role.properties.get("ManagedPolicyArns", []):
        iam.attach_role_policy(RoleName=role.name, PolicyArn=arn)


def delete_policies(clients: Clients, role: Resource) -> None:
    """Delete and detach a role's policies: a role that has any cannot be deleted."""
    iam = clients("iam")
    for name in iam.list_role_policies(RoleName=role.name)["PolicyNames"]:
        iam.delete_role_policy(RoleName=role.name, PolicyName=name)
    for each in iam.list_attached_role_policies(RoleName=role.name)["AttachedPolicies"]:
        iam.detach_role_policy(RoleName=role.name, PolicyArn=each["PolicyArn"])


def update_role(clients: Clients, before: Resource, after: Resource) -> None:
    """Change a role's trust, and remove the policies that it had and has no more."""
    iam = clients("iam")
    trust = _document(after.properties["AssumeRolePolicyDocument"])
    iam.update_assume_role_policy(RoleName=after.name, PolicyDocument=trust)
    had, has = ({each["PolicyName"] for each in _policies(role)} for role in (before, after))
    for name in had - has:
        iam.delete_role_policy(RoleName=after.name, PolicyName=name)
    attached, still = (
        set(role.properties.get("ManagedPolicyArns", [])) for role in (before, after)
    )
    for arn in attached - still:
        iam.detach_role_policy(RoleName=after.name, PolicyArn=arn)


def put_in_roles(clients: Clients, policy: Resource) -> None:
    """Put an AWS::IAM::Policy in the roles that it names."""
    for role in policy.properties.get("Roles", []):
        clients("iam").put_role_policy(
            RoleName=role,
            PolicyName=policy.properties["PolicyName"],
            PolicyDocument=_document(policy.properties["PolicyDocument"]),
        )


def delete_from_roles(clients: Clients, policy: Resource) -> None:
    """Delete an AWS::IAM::Policy from the roles that it names."""
    for role in policy.properties.get("Roles", []):
        clients("iam").delete_role_policy(RoleName=role, PolicyName=policy.properties["PolicyName"])


def update_topic(clients: Clients, before: Resource, after: Resource) -> None:
    """Set a topic's attributes, and end the subscriptions that it declares no more."""
    sns = clients("sns")
    for name in ("DisplayName", "KmsMasterKeyId"):
        if name in after.properties:
            sns.set_topic_attributes(
                TopicArn=after.arn, AttributeName=name, AttributeValue=str(after.properties[name])
            )
    had, has = (
        {(each["Protocol"], each["Endpoint"]) for each in topic.properties.get("Subscription", [])}
        for topic in (before, after)
    )
    for each in sns.list_subscriptions_by_topic(TopicArn=after.arn)["Subscriptions"]:
        if (each["Protocol"], each["Endpoint"]) in had - has:
            sns.unsubscribe(SubscriptionArn=each["SubscriptionArn"])


def reserve_concurrency(clients: Clients, function: Resource) -> None:
    """Reserve a function's concurrency, if its template does."""
    reserved = function.properties.get("ReservedConcurrentExecutions")
    if reserved is not None:
        clients("lambda").put_function_concurrency(
            FunctionName=function.name, ReservedConcurrentExecutions=int(reserved)
        )


def update_function(clients: Clients, before: Resource, after: Resource) -> None:
    """Update a function's code and configuration; what the template has no more is as at first."""
    aws_lambda = clients("lambda")
    code: Mapping[str, Any] = after.properties["Code"]
    if code != before.properties["Code"]:
        aws_lambda.update_function_code(FunctionName=after.name, **code)
    gone = before.properties.keys() - after.properties.keys()
    if "ReservedConcurrentExecutions" in gone:
        aws_lambda.delete_function_concurrency(FunctionName=after.name)
    operation = "UpdateFunctionConfiguration"
    known = service_model("lambda").operation_model(operation).input_shape.members
    changes = {
        **{name: _FUNCTION_DEFAULTS[name] for name in gone & _FUNCTION_DEFAULTS.keys()},
        **{name: value for name, value in after.properties.items() if name in known},
        "FunctionName": after.name,
    }
    what = f"{after.logical_id} ({after.type})"
    aws_lambda.update_function_configuration(**parameters("lambda", operation, changes, what))


def delete_layer_version(clients: Clients, layer: Resource) -> None:
    """Delete the version of a layer whose ARN is the resource's id."""
    name, version = layer.name.rsplit(":", 2)[-2:]
    clients("lambda").delete_layer_version(LayerName=name, VersionNumber=int(version))


def wait_for_endpoint(clients: Clients, endpoint: Resource) -> None:
    """Wait until an endpoint is in service, as its stack does; RuntimeError with its reason."""
    sagemaker = clients("sagemaker")
    while True:
        described = sagemaker.describe_endpoint(EndpointName=endpoint.name)
        if described["EndpointStatus"] in {"InService", "Failed"}:
            break
        time.sleep(_ENDPOINT_POLL_SECONDS)
    if described["EndpointStatus"] == "Failed":
        raise RuntimeError(described["FailureReason"])


def remove_old_targets(clients: Clients, before: Resource, after: Resource) -> None:
    """Remove the targets that a rule had and has no more."""
    had, has = (
        {each["Id"] for each in rule.properties.get("Targets", [])} for rule in (before, after)
    )
    if had - has:
        clients("events").remove_targets(Rule=after.name, Ids=sorted(had - has))


def _policies(role: Resource) -> list[Any]:
    return list(role.properties.get("Policies", []))


def _document(policy: Any) -> str:
    """Return a policy as text; one without a Version has 2008-10-17, which moto refuses."""
    if isinstance(policy, str):
        return policy
    return json.dumps({"Version": "2012-10-17", **policy}, default=str)


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
    for rule in group.properties.get("SecurityGroupIngress", []):
        permission: IpPermissionTypeDef = {
            "IpProtocol": str(rule["IpProtocol"]),
            "FromPort": int(rule.get("FromPort", -1)),
            "ToPort": int(rule.get("ToPort", -1)),
            "IpRanges": [{"CidrIp": rule["CidrIp"]}],
        }
        clients("ec2").authorize_security_group_ingress(
            GroupId=group.name, IpPermissions=[permission]
        )
