"""Which changes of properties replace a resource, by the schemas that cfn-lint ships."""

import functools
from collections.abc import Mapping
from typing import Any

from kennel.cloud.cloudformation.names import REGION
from kennel.cloud.cloudformation.resource_types import is_custom


@functools.cache
def create_only(type_name: str) -> tuple[tuple[str, ...], ...]:
    """Return the paths of the properties whose change replaces a resource of a type.

    Conditional ones (a table's key schema) are among them.

    https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-schema.html
    """
    if is_custom(type_name):
        return (("ServiceToken",),)
    # Slow to import, and only updates need it.
    from cfnlint.schema import ResourceNotFoundError  # noqa: PLC0415
    from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER  # noqa: PLC0415

    try:
        schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema(REGION, type_name).schema
    except ResourceNotFoundError:
        return ()
    kinds = ("createOnlyProperties", "conditionalCreateOnlyProperties")
    paths = [path for kind in kinds for path in schema.get(kind, [])]
    return tuple(tuple(path.split("/")[2:]) for path in paths)


def changed_properties(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Return the names of the properties that differ; numbers and their texts are the same."""
    names = {**before, **after}
    return [name for name in names if _plain(before.get(name)) != _plain(after.get(name))]


def replacing_properties(
    type_name: str, before: Mapping[str, Any], after: Mapping[str, Any]
) -> list[str]:
    """Return the changed properties that replace the resource."""
    return [
        path[0]
        for path in create_only(type_name)
        if _plain(_at(before, path)) != _plain(_at(after, path))
    ]


def _at(properties: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        properties = properties.get(name) if isinstance(properties, Mapping) else None
    return properties


def _plain(value: Any) -> Any:
    """Return a value as texts: a template may write 5 or "5", which is the same to AWS."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return str(value).lower() if isinstance(value, bool) else None if value is None else str(value)
