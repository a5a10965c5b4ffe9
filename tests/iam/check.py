"""Check least privilege: each role of a template allows the required calls and no others.

Three tables list the required calls:

calls.json       calls of the functions and the state machine, recorded in test runs
dependent.json   permissions that AWS requires besides those of a call
service.json     calls that AWS's services make with a role: a container's start, a function's logs

`problems` evaluates them all, and for each call similar ones that must be denied: with another
name, in another region or account, or without the context that the role's condition requires.
"""

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from samtranslator.yaml_helper import yaml_parse

from tests.iam.engines import Call, Engine
from tests.iam.roles import ACCOUNT, ENDPOINT_NAME, KEEPING, Roles, as_list, read

HERE = Path(__file__).parent
CALLS: dict[str, list[dict[str, Any]]] = json.loads((HERE / "calls.json").read_text())
DEPENDENT: dict[str, Any] = json.loads((HERE / "dependent.json").read_text())
SERVICE: dict[str, Any] = json.loads((HERE / "service.json").read_text())
FORBIDDEN: list[dict[str, Any]] = json.loads((HERE / "forbidden.json").read_text())
NO_RESOURCE_LEVEL: dict[str, list[str]] = json.loads((HERE / "no_resource_level.json").read_text())

ANOTHER_REGION = "eu-central-1"
ANOTHER_ACCOUNT = "999999999999"
#: Context keys that restrict a call whose resource does not: a role must have them as conditions.
REQUIRED_CONTEXT = {
    "application-autoscaling:scalable-dimension",
    "application-autoscaling:service-namespace",
    "cloudwatch:namespace",
    "iam:AWSServiceName",
    "iam:PassedToService",
    "kms:GrantIsForAWSResource",
    "s3:if-none-match",
    "s3:prefix",
}
#: With KeepData=false the bucket is emptied, whatever is in it.
WHOLE_BUCKET = {("RemovalRole", "s3:DeleteObject"), ("RemovalRole", "s3:DeleteObjectVersion")}
#: A person who updates the endpoint by hand may have given these any name.
ANY_NAME = {
    ("DriftRole", "sagemaker:DescribeEndpointConfig"),
    ("DriftRole", "sagemaker:DescribeModel"),
    ("PublishBreedsRole", "sagemaker:DescribeEndpointConfig"),
    ("PublishBreedsRole", "sagemaker:DescribeModel"),
}
#: In workbench.yaml; all other roles are in template.yaml.
OF_THE_WORKBENCH = {"NotebookRole", "TrainingMachineRole"}
#: What the notebook makes may have any name that begins so.
NOTEBOOKS_OWN = f"/{ENDPOINT_NAME}-nb-"
#: AWS generates the id in these ARNs, so no name can restrict them.
NAMED_BY_AWS = ("scalable-target/", "network-interface/", "subnet/", "security-group/")


def problems(template: Path, engine: Engine) -> list[str]:
    """Return a sentence for each problem of a template's roles."""
    sentences = list(_structure(template))
    if sentences:
        return sentences
    roles = read(template)
    sentences += _actions(roles)
    needed = list(_needed(roles))
    for call, allowed in zip(needed, engine(roles, needed), strict=True):
        if not allowed:
            sentences.append(f"{call}: it is required and denied")
    unneeded = list(_unneeded(roles, needed))
    for call, allowed in zip(unneeded, engine(roles, unneeded), strict=True):
        if allowed:
            sentences.append(f"{call}: it is not required and allowed")
    on_data = [each for each in needed if each.role == "RemovalRole" and ":s3:" in each.resource]
    for call, allowed in zip(on_data, engine(read(template, KEEPING), on_data), strict=True):
        if allowed:
            sentences.append(f"{call}: it is allowed although KeepData is true")
    return sentences


# ------------------------------------------------------------------ structure of the roles


def _structure(template: Path) -> Iterator[str]:
    text = template.read_text()
    source = yaml_parse(text)
    yield from _stars(text)
    for name, resource in source["Resources"].items():
        kind, properties = resource["Type"], resource.get("Properties", {})
        if kind in {"AWS::IAM::Policy", "AWS::IAM::ManagedPolicy", "AWS::IAM::RolePolicy"}:
            yield f"{name} is an {kind}: write the statements into the role"
        if kind.startswith("AWS::Serverless::"):
            if "Policies" in properties:
                yield f"{name} has Policies, from which SAM would make a role"
            if kind != "AWS::Serverless::Api" and "Role" not in properties and _runs(kind):
                yield f"{name} has no Role, so SAM would make one"
        if kind == "AWS::IAM::Role":
            for banned in ("ManagedPolicyArns", "PermissionsBoundary"):
                if banned in properties:
                    yield f"{name} has {banned}"
            for policy in map(_if_true, properties.get("Policies", [])):
                for statement in as_list(policy["PolicyDocument"]["Statement"]):
                    yield from _statement(name, statement)


def _runs(kind: str) -> bool:
    return kind in {"AWS::Serverless::Function", "AWS::Serverless::StateMachine"}


def _if_true(policy: dict[str, Any]) -> dict[str, Any]:
    """Return a conditional policy's value for a true condition."""
    chosen: dict[str, Any] = policy["Fn::If"][1] if "Fn::If" in policy else policy
    return chosen


def _statement(role: str, statement: dict[str, Any]) -> Iterator[str]:
    where = f"{role}, {statement.get('Sid', 'a statement without Sid')}"
    if banned := {"NotAction", "NotResource"} & set(statement):
        yield f"{where}: {', '.join(banned)}"
        return
    actions = as_list(statement["Action"])
    for action in actions:
        if "*" in action:
            yield f"{where}: the action {action} is a pattern"
    known = {each for listed in NO_RESOURCE_LEVEL.values() for each in listed}
    for resource in as_list(statement["Resource"]):
        text = resource if isinstance(resource, str) else str(resource.get("Fn::Sub", ""))
        if resource == "*" and (wide := [each for each in actions if each not in known]):
            yield f"{where}: every resource for {', '.join(wide)}, which can be restricted"
        scope = text.split(":", 5)[:5] if text.startswith("arn:") else []
        if any("*" in part for part in scope):
            yield f"{where}: {text} leaves service, region or account open"


def _stars(text: str) -> Iterator[str]:
    for number, line in enumerate(text.splitlines(), 1):
        if re.match(r'\s*(- )?(Resource: )?"\*"', line) and "#" not in line:
            yield f'line {number}: "*" without a comment that gives its reason'


def _actions(roles: Roles) -> Iterator[str]:
    """Compare the roles with the three tables."""
    tables = set(CALLS) | set(SERVICE["roles"])
    here = set(roles.properties)
    others = (tables - OF_THE_WORKBENCH) if here & OF_THE_WORKBENCH else OF_THE_WORKBENCH
    for role in sorted(tables - others - here):
        yield f"{role} is in the tables and not in the template"
    for role in roles.properties:
        needed = {each.action for each in _needed_by(role, roles)}
        for action in sorted(roles.actions(role) - needed):
            yield f"{role}: {action} is in none of the tables"


# ------------------------------------------------------------------ required calls


def _needed(roles: Roles) -> Iterator[Call]:
    for role in roles.properties:
        yield from _needed_by(role, roles)


def _needed_by(role: str, roles: Roles) -> Iterator[Call]:
    for each in CALLS.get(role, []):
        call = Call(role, each["action"], each["resource"], each.get("context", {}))
        yield call
        for dependent in DEPENDENT.get(call.action, {}).get("also", []):
            if role not in dependent.get("roles", [role]):
                continue
            yield Call(
                role,
                dependent["action"],
                _filled(dependent["resource"], roles, call),
                dependent.get("context", {}),
            )
    stem = role.removesuffix("Role")
    kinds = SERVICE["kinds"]
    for name in SERVICE["roles"].get(role, []):
        for each in kinds[name]["calls"]:
            resource = _filled(each["resource"].replace("{stem}", stem), roles)
            yield Call(role, each["action"], resource, each.get("context", {}))


def _filled(pattern: str, roles: Roles, call: Call | None = None) -> str:
    """Fill {LogicalId}, {EndpointName} and {resource}, the call's resource."""
    values = {
        **roles.arns,
        "EndpointName": ENDPOINT_NAME,
        "resource": call.resource if call else "",
    }
    return re.sub(r"\{(\w+)\}", lambda match: values[match[1]], pattern)


# ------------------------------------------------------------------ calls that must be denied


def _unneeded(roles: Roles, needed: Sequence[Call]) -> Iterator[Call]:
    same = {(each.role, each.action, each.resource) for each in needed}
    bucket = roles.arns["Bucket"]
    for call in needed:
        for resource in neighbours(call.resource):
            if (call.role, call.action) in WHOLE_BUCKET and resource.startswith(bucket):
                continue
            same_place = resource.split(":")[:5] == call.resource.split(":")[:5]
            both = (call.resource, resource)
            if same_place and all(f"{bucket}{NOTEBOOKS_OWN}" in each for each in both):
                continue
            if (call.role, call.action) in ANY_NAME and same_place:
                continue
            if (call.role, call.action, resource) not in same:
                yield Call(call.role, call.action, resource, call.context)
        for key in REQUIRED_CONTEXT & set(call.context):
            others = {name: value for name, value in call.context.items() if name != key}
            yield Call(call.role, call.action, call.resource, others)
            yield Call(call.role, call.action, call.resource, {**others, key: "another"})
    for role in roles.properties:
        actions = {each.action for each in needed if each.role == role}
        for row in FORBIDDEN:
            if row["action"] not in actions:
                resource = _filled(row["resource"], roles)
                yield Call(role, row["action"], resource, row.get("context", {}))


def neighbours(arn: str) -> Iterator[str]:
    """Yield similar ARNs: with another region, another account, another name."""
    if arn == "*":
        return
    head, partition, service, region, account, rest = arn.split(":", 5)
    if region:
        yield ":".join((head, partition, service, ANOTHER_REGION, account, rest))
    if account == ACCOUNT:
        yield ":".join((head, partition, service, region, ANOTHER_ACCOUNT, rest))
    if rest.startswith(NAMED_BY_AWS):
        return
    start = ":".join((head, partition, service, region, account, ""))
    if service == "s3":
        bucket, _, key = rest.partition("/")
        yield f"{start}another-{bucket}" + (f"/{key}" if key else "")
        if key:
            folder, slash, inside = key.partition("/")
            yield f"{start}{bucket}/elsewhere/{inside or key}"
            yield f"{start}{bucket}/{folder}s{slash}{inside}"
        return
    kind, name = re.findall(r"^([\w-]+[/:])?(.+)", rest)[0]  # a topic's ARN has no kind
    yield f"{start}{kind}another-{name}"
    parts = re.split(r"([/:])", name)
    if ENDPOINT_NAME in parts:  # also a name with this one as a prefix
        longer = [f"{part}-other" if part == ENDPOINT_NAME else part for part in parts]
        yield f"{start}{kind}{''.join(longer)}"
