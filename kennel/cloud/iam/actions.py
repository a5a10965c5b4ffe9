"""Find the permissions that an API call needs, by actions.yaml and the call's parameters.

A call that the table does not have is refused with its name, so that nothing goes unauthorised.
"""

import functools
import itertools
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import yaml

from kennel.cloud.cloudformation.names import ACCOUNT, REGION
from kennel.cloud.iam.policy import RequiredPermission
from kennel.cloud.iam.requests import ApiCall
from kennel.cloud.runtime.errors import ServiceError, not_implemented
from kennel.cloud.sagemaker.resources import arn_of
from kennel.cloud.sagemaker.resources import required_permissions as required_by_sagemaker

TABLE = Path(__file__).with_name("actions.yaml")
_PLACEHOLDER = re.compile(r"\{(\w+)\}")

#: Finds the name of the configuration that an endpoint has now.
ConfigOf = Callable[[str], str]


@functools.cache
def table() -> dict[str, Any]:
    """Return actions.yaml, read once."""
    read: dict[str, Any] = yaml.load(TABLE.read_text(), yaml.CSafeLoader)
    return read


def required_permissions(
    call: ApiCall, config_of: ConfigOf = lambda endpoint: endpoint
) -> list[RequiredPermission]:
    """Return every permission that `call` needs, those included that AWS checks beside it.

    Raises
    ------
    ServiceError
        NotImplementedOffline when the table does not have the call, ValidationException when the
        call lacks the parameter that names its resource.
    """
    try:
        if call.service == "sagemaker":
            return list(required_by_sagemaker(call.operation, call.parameters))
        return list(_required_by_table(call, config_of))
    except KeyError as error:
        member = str(error.args[0])
        raise ServiceError(
            "ValidationException",
            f"1 validation error detected: Value null at '{member[:1].lower()}{member[1:]}' failed "
            "to satisfy constraint: Member must not be null",
        ) from error


def _required_by_table(call: ApiCall, config_of: ConfigOf) -> Iterator[RequiredPermission]:
    service = table().get(call.service, {})
    prefix = service.get("prefix", call.service)
    rule = service.get(call.operation)
    if rule is None:
        raise not_implemented(
            f"the offline cloud does not know which permission {prefix}:{call.operation} needs: "
            "add it to kennel/cloud/iam/actions.yaml"
        )
    if rule == "none":
        return
    if isinstance(rule, str):
        rule = {"resource": rule}
    values = {**call.parameters, **_derived(call, config_of)}
    for each in ({"action": f"{prefix}:{call.operation}", **rule}, *rule.get("also", [])):
        yield from _filled(each, prefix, values)


def _filled(
    rule: Mapping[str, Any], prefix: str, values: Mapping[str, Any]
) -> Iterator[RequiredPermission]:
    """Yield the permissions of one rule, with the call's values in place of {names}."""
    if "when" in rule and not values.get(rule["when"]):
        return
    action = _PLACEHOLDER.sub(lambda match: str(values[match[1]]), rule["action"])
    context = {"aws:SecureTransport": "true", "aws:ResourceAccount": ACCOUNT}
    for key, source in rule.get("keys", {}).items():
        value = source[1:] if source.startswith("=") else values.get(source)
        if value is not None:
            context[key] = str(value)
    for resource in _resources(rule["resource"], prefix, values):
        yield RequiredPermission(action, resource, context)


def _resources(pattern: str, prefix: str, values: Mapping[str, Any]) -> Iterator[str]:
    """Fill a pattern: once for each item where a parameter is a list."""
    names = _PLACEHOLDER.findall(pattern)
    choices = [_as_list(values.get(name, "*")) for name in names]
    for chosen in itertools.product(*choices):
        if len(chosen) == 1 and str(chosen[0]).startswith("arn:"):
            yield str(chosen[0])
            continue
        filled = iter(chosen)
        text = _PLACEHOLDER.sub(lambda match, filled=filled: str(next(filled)), pattern)  # type: ignore[misc]
        if text != "*" and not text.startswith("arn:"):
            text = f"arn:aws:{prefix}:{REGION}:{ACCOUNT}:{text}"
        yield text.replace("parameter//", "parameter/")


def _derived(call: ApiCall, config_of: ConfigOf) -> dict[str, Any]:
    """Return values that resources and actions name and that no parameter holds as it is."""
    parameters = call.parameters
    derived: dict[str, Any] = {"Account": ACCOUNT, "Region": REGION}
    if call.service == "s3":
        derived["Version"] = "Version" if parameters.get("VersionId") else ""
        derived["Source"] = unquote(str(parameters.get("CopySource", ""))).lstrip("/").split("?")[0]
        deleted = parameters.get("Delete", {}).get("Objects", [])
        derived["Keys"] = [each["Key"] for each in deleted]
        derived["VersionKeys"] = [each["Key"] for each in deleted if each.get("VersionId")]
    if call.service == "logs" and "logGroupIdentifier" in parameters:
        derived["logGroupName"] = log_group_of(str(parameters["logGroupIdentifier"]))
    if call.service == "lambda":
        derived |= parameters.get("Code") or parameters.get("Content") or {}
        for member, kind in {"FunctionName": "Function", "LayerName": "LayerName"}.items():
            if member in parameters:
                derived[kind] = parameters[member].rpartition(f":{member[:-4].lower()}:")[2]
    if call.service == "sagemaker-runtime":
        derived["Endpoint"] = arn_of("endpoint", parameters["EndpointName"])
    if call.service == "codebuild":
        ids = parameters.get("ids") or [parameters.get("id", "")]
        derived["Projects"] = sorted({each.rpartition("/")[2].split(":")[0] for each in ids})
    if call.service == "sqs":
        name = str(parameters.get("QueueUrl", "")).rpartition("/")[2]
        derived["Queue"] = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"
    if call.service == "dynamodb":
        derived["Tables"] = sorted(parameters.get("RequestItems", {}))
        index = parameters.get("IndexName")
        table_name = str(parameters.get("TableName", "")).rpartition("table/")[2]
        derived["TableIndex"] = f"{table_name}/index/{index}" if index else table_name
    if call.service == "secretsmanager":
        # An ARN ends in six random characters, which a name lacks.
        secret = str(parameters.get("SecretId", ""))
        arn = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{secret}-??????"
        derived["Secret"] = secret if secret.startswith("arn:") else arn
    if call.service == "scheduler":
        derived["TargetRole"] = parameters.get("Target", {}).get("RoleArn", "*")
    if call.service == "application-autoscaling" and "ResourceId" in parameters:
        endpoint = str(parameters["ResourceId"]).partition("/")[2].partition("/")[0]
        derived["Endpoint"] = arn_of("endpoint", endpoint)
        derived["EndpointConfig"] = arn_of("endpoint-config", config_of(endpoint))
        alarm = f"TargetTracking-{parameters['ResourceId']}-AlarmHigh-offline"
        derived["Alarm"] = f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:{alarm}"
    return derived


def log_group_of(identifier: str) -> str:
    """Return the name of a log group in its name or ARN."""
    return identifier.partition(":log-group:")[2] or identifier


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
