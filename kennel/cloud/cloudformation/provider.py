"""A resource provider: creates, updates, finds and deletes resources of one type by API calls.

The calls go to the offline cloud's own address, as any client's do. So the state machine, the
functions and a person with the AWS command line see the resources too.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import jmespath
from botocore import xform_name
from botocore.exceptions import ClientError

from kennel.cloud.cloudformation.provider_steps import Step, UpdateStep
from kennel.cloud.cloudformation.template import Resource
from kennel.cloud.runtime.clients import Clients
from kennel.cloud.runtime.service_models import service_model
from kennel.cloud.runtime.shapes import parameters

_PLACEHOLDER = re.compile(r"\{(\w+)\}")

#: Answers of list calls, by service, operation and parameters.
Answers = dict[tuple[str, str, str], Any]


@dataclass(frozen=True)
class Call:
    """One API call: operation, and parameters with {name}, {arn} or {Property} in them."""

    operation: str
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def send(self, client: Any, resource: Resource) -> Any:
        """Send the call for `resource`."""
        return getattr(client, xform_name(self.operation))(**_filled(self.parameters, resource))


@dataclass(frozen=True)
class Provider:
    """Creates, updates, finds and deletes the resources of one type through its service's API.

    Attributes
    ----------
    create_call
        Its operation takes the resource's properties beside the parameters given here; None where
        `after_create` does.
    list_call, names
        A call, and the JMESPath of the names in its answer; the resource exists when `key` (its
        name or its ARN) is among them.
    delete_call
        The call that deletes it; None where `before_delete` does.
    after_create, before_delete
        Further steps around the create and the delete call.
    update_call
        Takes those of the properties that its operation knows. Where the create call overwrites
        (Put...), none is needed.
    before_update
        A step with the resource before and after the update.
    renamed
        Property to parameter, where they differ by more than a capital; "" leaves it out.
    refused
        Properties that would do something on AWS and nothing here.
    attributes
        Properties that go into the parameter Attributes, as text.
    physical_id
        JMESPath of the id in the create call's answer, where AWS generates it.
    """

    service: str
    create_call: Call | None
    list_call: Call
    names: str
    delete_call: Call | None = None
    key: str = "{name}"
    after_create: tuple[Step, ...] = ()
    before_delete: tuple[Step, ...] = ()
    update_call: Call | None = None
    before_update: UpdateStep | None = None
    renamed: Mapping[str, str] = field(default_factory=dict)
    refused: tuple[str, ...] = ()
    attributes: tuple[str, ...] = ()
    physical_id: str = ""

    def create(self, clients: Clients, resource: Resource) -> str:
        """Create a resource; return its physical id, its name if AWS generates none."""
        answer = self._send(clients, self.create_call, resource) if self.create_call else {}
        created = resource
        if self.physical_id:
            created = replace(resource, name=str(jmespath.search(self.physical_id, answer)))
        try:
            self.finish(clients, created)
        except BaseException:  # whoever asked for it knows nothing of it yet
            self.delete(clients, created)
            raise
        return created.name

    def finish(self, clients: Clients, resource: Resource) -> None:
        """Set what the create call does not; also on a resource that exists already."""
        for step in self.after_create:
            step(clients, resource)

    def update(self, clients: Clients, before: Resource, after: Resource) -> None:
        """Change a resource that exists."""
        if self.before_update:
            self.before_update(clients, before, after)
        if self.update_call:
            self._send(clients, self.update_call, after, known_only=True)
        elif self.create_call and self.create_call.operation.startswith("Put"):
            self._send(clients, self.create_call, after)
        self.finish(clients, after)

    def exists(self, clients: Clients, resource: Resource, answers: Answers) -> bool:
        """Return whether the service has the resource.

        Parameters
        ----------
        answers
            Answers of list calls, read and added to: many resources share one call.
        """
        request = _filled(self.list_call.parameters, resource)
        call = (self.service, self.list_call.operation, repr(request))
        if call not in answers:
            try:
                answers[call] = self.list_call.send(clients(self.service), resource)
            except ClientError as error:
                if not _is_absence(error):
                    raise
                answers[call] = None
        names = jmespath.search(str(_filled(self.names, resource)), answers[call])
        return _filled(self.key, resource) in (names or [])

    def delete(self, clients: Clients, resource: Resource) -> None:
        """Delete the resource; one that is absent already is no error."""
        try:
            for step in self.before_delete:
                step(clients, resource)
            if self.delete_call:
                self.delete_call.send(clients(self.service), resource)
        except ClientError as error:
            if not _is_absence(error):
                raise

    def _send(
        self, clients: Clients, call: Call, resource: Resource, known_only: bool = False
    ) -> Any:
        """Send a call with the resource's properties."""
        properties = {
            self.renamed.get(key, key): value
            for key, value in resource.properties.items()
            if self.renamed.get(key, key)
        }
        if self.attributes:
            properties["Attributes"] = {
                key: properties.pop(key) for key in self.attributes if key in properties
            }
        properties |= _filled(call.parameters, resource)
        if known_only:
            shape = service_model(self.service).operation_model(call.operation).input_shape
            known = {member.lower() for member in shape.members}
            properties = {key: each for key, each in properties.items() if key.lower() in known}
        what = f"{resource.logical_id} ({resource.type})"
        request = parameters(self.service, call.operation, properties, what)
        return getattr(clients(self.service), xform_name(call.operation))(**request)


def _filled(value: Any, resource: Resource) -> Any:
    if isinstance(value, str):
        known = {**resource.properties, "name": resource.name, "arn": resource.arn}
        return _PLACEHOLDER.sub(lambda match: str(known[match[1]]), value)
    if isinstance(value, Mapping):
        return {key: _filled(item, resource) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_filled(item, resource) for item in value]
    return value


def _is_absence(error: ClientError) -> bool:
    """Return whether an error says that the resource does not exist; the codes differ."""
    code, text = error.response["Error"]["Code"], error.response["Error"]["Message"]
    codes = ("NotFound", "NoSuch", "DoesNotExist", "NotExist", "NonExistent", "404")
    absent = code.startswith("Validation") and ("not exist" in text or "not find" in text)
    return any(each in code for each in codes) or absent
