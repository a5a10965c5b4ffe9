"""Which permissions an API call needs: actions.yaml read, its resources and keys filled in.

A call that the table does not have is refused with its name: nothing is let through unseen.
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
from kennel.cloud.iam.requests import ApiCall
from kennel.cloud.sagemaker.resources import RequiredPermission, arn_of

TABLE = Path(__file__).with_name("actions.yaml")
_PLACE = re.compile(r"\{(\w+)\}")

#: Finds the name of the configuration that an endpoint has now.
ConfigOf = Callable[[str], str]


class UnknownCall(Exception):  # noqa: N818
    """actions.yaml does not say what the call needs; the message says so to the caller."""


@functools.cache
def table() -> dict[str, Any]:
    """Return actions.yaml, read once."""
    read: dict[str, Any] = yaml.safe_load(TABLE.read_text())
    return read


def needs(
    call: ApiCall, config_of: ConfigOf = lambda endpoint: endpoint
) -> list[RequiredPermission]:
    """Return every permission that `call` needs, those included that AWS checks beside it.

    Raises
    ------
    UnknownCall
        When the table does not have the call.
    """
    service = table().get(call.service, {})
    prefix = service.get("prefix", call.service)
    rule = service.get(call.operation)
    if rule is None:
        raise UnknownCall(
            f"the offline cloud does not know which permission {prefix}:{call.operation} needs: "
            "add it to kennel/cloud/iam/actions.yaml"
        )
    if rule == "none":
        return []
    if isinstance(rule, str):
        rule = {"resource": rule}
    values = {**call.parameters, **_derived(call, config_of)}
    rules = [{"action": f"{prefix}:{call.operation}", **rule}, *rule.get("also", [])]
    return list(itertools.chain.from_iterable(_needs(each, prefix, values) for each in rules))


def _needs(
    rule: Mapping[str, Any], prefix: str, values: Mapping[str, Any]
) -> Iterator[RequiredPermission]:
    if "when" in rule and not values.get(rule["when"]):
        return
    action = _PLACE.sub(lambda match: str(values[match[1]]), rule["action"])
    context = {"aws:SecureTransport": "true", "aws:ResourceAccount": ACCOUNT}
    for key, source in rule.get("keys", {}).items():
        value = source[1:] if source.startswith("=") else values.get(source)
        if value is not None:
            context[key] = str(value)
    for resource in _resources(rule["resource"], prefix, values):
        yield RequiredPermission(action, resource, context)


def _resources(pattern: str, prefix: str, values: Mapping[str, Any]) -> Iterator[str]:
    """Fill a pattern: once for each item where a parameter is a list."""
    names = _PLACE.findall(pattern)
    choices = [_as_list(values.get(name, "*")) for name in names]
    for chosen in itertools.product(*choices):
        if len(chosen) == 1 and str(chosen[0]).startswith("arn:"):
            yield str(chosen[0])
            continue
        filled = iter(chosen)
        text = _PLACE.sub(lambda match, filled=filled: str(next(filled)), pattern)  # type: ignore[misc]
        if text != "*" and not text.startswith("arn:"):
            text = f"arn:aws:{prefix}:{REGION}:{ACCOUNT}:{text}"
        yield text.replace("parameter//", "parameter/")


def _derived(call: ApiCall, config_of: ConfigOf) -> dict[str, Any]:
    """Return what a resource or an action is made of and no parameter says by itself."""
    given = call.parameters
    derived: dict[str, Any] = {"Account": ACCOUNT}
    if call.service == "s3":
        derived["Version"] = "Version" if given.get("VersionId") else ""
        derived["Source"] = unquote(str(given.get("CopySource", ""))).lstrip("/").split("?")[0]
        derived["Keys"] = [each["Key"] for each in given.get("Delete", {}).get("Objects", [])]
    if call.service == "codebuild":
        ids = given.get("ids") or [given.get("id", "")]
        derived["Projects"] = sorted({each.rpartition("/")[2].split(":")[0] for each in ids})
    if call.service == "sqs":
        name = str(given.get("QueueUrl", "")).rpartition("/")[2]
        derived["Queue"] = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"
    if call.service == "scheduler":
        derived["TargetRole"] = given.get("Target", {}).get("RoleArn", "*")
    if call.service == "application-autoscaling" and "ResourceId" in given:
        endpoint = str(given["ResourceId"]).split("/")[1]
        derived["Endpoint"] = arn_of("endpoint", endpoint)
        derived["EndpointConfig"] = arn_of("endpoint-config", config_of(endpoint))
        alarm = f"TargetTracking-{given['ResourceId']}-AlarmHigh-offline"
        derived["Alarm"] = f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:{alarm}"
    return derived


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
