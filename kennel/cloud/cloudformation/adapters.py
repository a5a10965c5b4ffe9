"""Turn a resource's properties into those that the API behind it takes, where they differ."""

import io
import json
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from kennel.cloud.cloudformation.local_code import HERE
from kennel.cloud.cloudformation.template import Resource
from kennel.cloud.cloudformation.yaml_text import parse_yaml
from kennel.cloud.runtime.clients import Clients

Json = dict[str, Any]
#: Returns a resource's properties for its service: (properties, clients, URL of SNS's deliveries).
Adapter = Callable[[Mapping[str, Any], Clients, str], Json]

_DEFINITION = ("Definition", "DefinitionString", "DefinitionS3Location", "DefinitionSubstitutions")


def adapted(resource: Resource, clients: Clients, sns_url: str) -> Json:
    """Return the properties that a resource is created with.

    Parameters
    ----------
    sns_url
        Where SNS posts a message for a function, before the function's name.
    """
    adapter = _ADAPTERS.get(resource.type)
    return adapter(resource.properties, clients, sns_url) if adapter else resource.properties


def _state_machine(properties: Mapping[str, Any], clients: Clients, sns_url: str) -> Json:
    """Substitute in the definition's raw text, as CloudFormation does; return it as JSON."""
    if location := properties.get("DefinitionS3Location"):
        text = _definition(location, clients)
    elif "Definition" in properties:
        text = json.dumps(properties["Definition"])
    else:
        text = str(properties["DefinitionString"])
    for name, value in properties.get("DefinitionSubstitutions", {}).items():
        text = text.replace(f"${{{name}}}", str(value))
    others = {key: value for key, value in properties.items() if key not in _DEFINITION}
    return {**others, "DefinitionString": json.dumps(parse_yaml(text))}


def _definition(location: Mapping[str, Any], clients: Clients) -> str:
    if location["Bucket"] == HERE:
        return Path("/", location["Key"]).read_text()
    version = {"VersionId": location["Version"]} if "Version" in location else {}
    answer = clients("s3").get_object(Bucket=location["Bucket"], Key=location["Key"], **version)
    return answer["Body"].read().decode()


def _project(properties: Mapping[str, Any], clients: Clients, sns_url: str) -> Json:
    # moto wants a location, which NO_SOURCE has none of on AWS.
    return {**properties, "Source": {"Location": "none", **properties["Source"]}}


def _topic(properties: Mapping[str, Any], clients: Clients, sns_url: str) -> Json:
    subscriptions = properties.get("Subscription", [])
    return {
        **properties,
        "Subscription": [_subscription(each, clients, sns_url) for each in subscriptions],
    }


def _subscription(properties: Mapping[str, Any], clients: Clients, sns_url: str) -> Json:
    """Return a subscription's properties: moto's SNS reaches a function only over HTTP."""
    known = {"TopicArn", "Protocol", "Endpoint"}
    result = {key: value for key, value in properties.items() if key in known}
    if result["Protocol"] == "lambda":
        name = result["Endpoint"].rsplit(":", 1)[-1]
        result |= {"Protocol": "http", "Endpoint": f"{sns_url}/{name}"}
    return result


def _function(properties: Mapping[str, Any], clients: Clients, sns_url: str) -> Json:
    """Pack the text of an inline function as index.py, as CloudFormation does."""
    code = properties["Code"]
    if "ZipFile" not in code:
        return dict(properties)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("index.py", code["ZipFile"])
    return {**properties, "Code": {"ZipFile": packed.getvalue()}}


_ADAPTERS: dict[str, Adapter] = {
    "AWS::CodeBuild::Project": _project,
    "AWS::Lambda::Function": _function,
    "AWS::SNS::Subscription": _subscription,
    "AWS::SNS::Topic": _topic,
    "AWS::StepFunctions::StateMachine": _state_machine,
}
