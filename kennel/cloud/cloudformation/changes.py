"""Work out what an update of a stack changes: what is added, modified, replaced and removed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from kennel.cloud.cloudformation.names import Created
from kennel.cloud.cloudformation.resource_types import is_custom, kind_of
from kennel.cloud.cloudformation.schemas import changed_properties, replacing_properties
from kennel.cloud.cloudformation.template import Resource, Template

Action = Literal["Add", "Modify", "Remove", "None"]


class ChangeRefused(Exception):  # noqa: N818
    """CloudFormation does not make this change; the message says which and why."""


@dataclass(frozen=True)
class Change:
    """What happens to one resource.

    Attributes
    ----------
    before, after
        The resource as it is, and as the template has it; None where there is none.
    properties
        Names of those that differ.
    replacing
        Those of them that replace the resource.
    """

    action: Action
    before: Resource | None
    after: Resource | None
    properties: list[str] = field(default_factory=list)
    replacing: list[str] = field(default_factory=list)

    @property
    def resource(self) -> Resource:
        """The resource, as it will be unless it is removed."""
        resource = self.after or self.before
        assert resource  # noqa: S101 - one of the two is there
        return resource


def change_of(template: Template, before: Resource | None, logical_id: str) -> Change:
    """Return what happens to a resource; a template's generated name changes when it is replaced.

    Raises
    ------
    ChangeRefused
        For another type, a custom resource's ServiceToken, or a chosen name that would be used by
        two resources at once.
    """
    after = template.resource(logical_id)
    if before is None:
        return Change("Add", None, after)
    if before.type != after.type:
        raise ChangeRefused(
            f"Update of resource type is not permitted. The new template modifies resource type of "
            f"the following resources: [{logical_id}]"
        )
    properties = changed_properties(before.properties, after.properties)
    if not properties:
        unchanged = replace(after, name=before.name, attributes=before.attributes)
        is_same = (before.deletion_policy, before.replace_policy) == (
            after.deletion_policy,
            after.replace_policy,
        )
        return Change("None" if is_same else "Modify", before, unchanged)
    replacing = replacing_properties(after.type, before.properties, after.properties)
    if not replacing:
        return Change("Modify", before, after, properties)
    if is_custom(after.type):
        raise ChangeRefused("Modifying service token is not allowed.")
    kind = kind_of(after.type)
    name_property = kind.name_property if kind else None
    if name_property and name_property in after.properties and name_property not in properties:
        name = after.properties[name_property]
        raise ChangeRefused(
            "CloudFormation cannot update a stack when a custom-named resource requires "
            f"replacing. Rename {name} and update the stack again."
        )
    known = template.created.get(logical_id, Created())
    template.created[logical_id] = Created(generation=known.generation + 1)
    return Change("Modify", before, template.resource(logical_id), properties, replacing)


def changes_of(template: Template, existing: Mapping[str, Resource]) -> Iterator[Change]:
    """Return the changes of an update in order; those of removed resources come last."""
    for logical_id in template.in_order():
        change = change_of(template, existing.get(logical_id), logical_id)
        if change.action != "None":
            yield change
    for logical_id, resource in reversed(list(existing.items())):
        if logical_id not in template.declared:
            yield Change("Remove", resource, None)
