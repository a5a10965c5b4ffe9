"""Convert a resource's properties to the parameters of the API call that creates it.

CloudFormation's properties and the API's parameters are mostly the same names, but for their
first letter, and a template writes every value as text. botocore's model of the service knows
the rest, so that no property is listed here a second time.
"""

import json
from collections.abc import Mapping
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape

from kennel.cloud.runtime.service_models import service_model
from kennel.errors import CannotStart


def parameters(
    service: str, operation: str, properties: Mapping[str, Any], resource: str
) -> dict[str, Any]:
    """Return `properties` in the names and types of an operation's input.

    Raises
    ------
    CannotStart
        For a property that the operation does not take; the message names `resource`.
    """
    shape = service_model(service).operation_model(operation).input_shape
    result: dict[str, Any] = _cast(shape, properties, resource)
    return result


def _cast(shape: Shape, value: Any, resource: str) -> Any:
    if isinstance(shape, StructureShape):
        members = {name.lower(): name for name in shape.members}
        result = {}
        for key, item in value.items():
            if key.lower() not in members:
                raise CannotStart(
                    f"{resource} has the property {key}, which {shape.name} does not take: "
                    "add it to kennel/cloud/cloudformation/providers.py"
                )
            name = members[key.lower()]
            result[name] = _cast(shape.members[name], item, resource)
        return result
    if isinstance(shape, ListShape):
        items = value if isinstance(value, list) else [value]
        return [_cast(shape.member, item, resource) for item in items]
    if isinstance(shape, MapShape):
        if isinstance(value, list):  # tags: a list in a template, a map in some services
            value = {each["Key"]: each["Value"] for each in value}
        return {str(key): _cast(shape.value, item, resource) for key, item in value.items()}
    match shape.type_name:
        case "integer" | "long":
            return int(value)
        case "double" | "float":
            return float(value)
        case "boolean":
            return str(value).lower() == "true"
        case "string":
            if isinstance(value, (dict, list)):  # a policy or a pattern, written out
                return json.dumps(value)
            return str(value).lower() if isinstance(value, bool) else str(value)
    return value
