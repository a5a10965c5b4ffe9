"""Create and delete a stack as CloudFormation does: in order, each resource by its own API.

The calls go to the offline cloud's own address, as any client's do.
"""

import functools
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml
from botocore.exceptions import ClientError

from kennel.cloud.cloudformation.custom_resources import CustomResources
from kennel.cloud.cloudformation.provider import Answers
from kennel.cloud.cloudformation.providers import PROVIDERS
from kennel.cloud.cloudformation.resource_types import is_custom
from kennel.cloud.cloudformation.template import Resource, Stack
from kennel.cloud.runtime.clients import Clients, client
from kennel.cloud.runtime.store import Store
from kennel.errors import CannotStart, KennelError

_DYNAMIC = re.compile(r"\{\{resolve:ssm:([^}:]+)(?::\d+)?\}\}")


class DeployedStack:
    """The resources of a stack that exist.

    Parameters
    ----------
    stack
        The template's resources.
    url
        The offline cloud's address.
    custom
        Invokes the functions of custom resources.
    store
        Keeps the properties of resources: a restart creates what has changed.
    sns_url
        Where SNS posts a message for a function, before the function's name.
    """

    def __init__(
        self,
        stack: Stack,
        url: str,
        custom: CustomResources,
        store: Store | None = None,
        *,
        sns_url: str = "",
    ) -> None:
        self._stack = stack
        clients: Any = functools.cache(lambda service: client(service, url))
        self._clients: Clients = clients
        self._custom = custom
        self._store = store or Store(None)
        self._sns_url = sns_url or f"{url}/kennel/sns"
        self._created: dict[str, Resource] = {}
        self._ids: dict[str, str] = {}  # by the name that stands for it in the template

    def create(self) -> None:
        """Create each resource after those that it needs, then check that each exists.

        Raises
        ------
        CannotStart
            With the service's own reason, or the names of resources that do not exist afterwards.
        """
        before: Answers = {}  # what there is before the stack's resources
        for resource in in_order(self._stack):
            ready = replace(resource, properties=self._with_ids(resource.properties))
            try:
                self._create(_adapted(ready, self._sns_url), before)
            except ClientError as error:
                raise CannotStart(
                    f"{resource.logical_id} ({resource.type}) cannot be created: {error}"
                ) from error
        after: Answers = {}
        absent = [
            each.logical_id
            for each in self._created.values()
            if not is_custom(each.type)
            and not PROVIDERS[each.type].exists(self._clients, each, after)
        ]
        if absent:
            raise CannotStart(f"created without an error, but absent: {', '.join(absent)}")

    def delete(self, keep: bool = True) -> list[str]:
        """Delete the stack as `aws cloudformation delete-stack` does, the newest resource first.

        Returns
        -------
        list of str
            Logical ids of the resources that the template retains.

        Raises
        ------
        KennelError
            When a resource cannot be deleted. As on AWS, those created after it are deleted by
            then, and those created before it remain.
        """
        kept = []
        for logical_id, resource in reversed(list(self._created.items())):
            if keep and resource.deletion_policy.startswith("Retain"):
                kept.append(logical_id)
                continue
            try:
                if is_custom(resource.type):
                    self._custom.delete(resource)
                    self._store.delete("custom-resource", logical_id)
                else:
                    _empty(resource, self._clients)
                    PROVIDERS[resource.type].delete(self._clients, resource)
            except ClientError as error:
                raise KennelError(f"DELETE_FAILED: {logical_id}: {error}") from error
            del self._created[logical_id]
        return kept

    def _create_custom(self, resource: Resource) -> Resource:
        """Create a custom resource, or update one whose properties an earlier run kept."""
        kept = self._store.get("custom-resource", resource.logical_id)
        if kept is None:
            created = self._custom.create(resource)
        elif kept["properties"] == resource.properties:
            created = replace(resource, name=kept["name"])
        else:
            before = replace(resource, name=kept["name"], properties=kept["properties"])
            created = self._custom.update(before, resource)
        kept = {"name": created.name, "properties": resource.properties}
        self._store.put("custom-resource", resource.logical_id, kept)
        return created

    def _create(self, resource: Resource, before: Answers) -> None:
        if is_custom(resource.type):
            self._created[resource.logical_id] = self._create_custom(resource)
            return
        provider, logical_id = PROVIDERS[resource.type], resource.logical_id
        properties = {"json": json.dumps(resource.properties, sort_keys=True, default=str)}
        exists = not provider.physical_id and provider.exists(self._clients, resource, before)
        changed = self._store.get("resource", logical_id) != properties
        if exists and changed and provider.attributes:
            provider.delete(self._clients, resource)
        if not exists or (changed and (provider.attributes or provider.overwrites)):
            physical_id = provider.create(self._clients, resource)
            if physical_id:
                self._ids[resource.name] = physical_id
                resource = replace(resource, name=physical_id)
        else:  # it has survived a restart, with its data
            provider.finish(self._clients, resource)
        self._store.put("resource", logical_id, properties)
        self._created[logical_id] = resource

    def _with_ids(self, fragment: Any) -> Any:
        """Replace names by generated ids, and {{resolve:ssm:...}} by the parameters' values."""
        if isinstance(fragment, dict):
            return {key: self._with_ids(value) for key, value in fragment.items()}
        if isinstance(fragment, list):
            return [self._with_ids(item) for item in fragment]
        if not isinstance(fragment, str):
            return fragment
        if fragment in self._ids:
            return self._ids[fragment]
        return _DYNAMIC.sub(lambda match: self._parameter(match[1]), fragment)

    def _parameter(self, name: str) -> str:
        return str(self._clients("ssm").get_parameter(Name=name)["Parameter"]["Value"])


def in_order(stack: Stack) -> list[Resource]:
    """Return the resources to create, each after those that it needs.

    Raises
    ------
    CannotStart
        When resources need each other in a cycle.
    """
    done: dict[str, Resource] = {}
    waiting = dict(stack.resources)
    while waiting:
        ready = [each for each in waiting.values() if not each.needs & set(waiting)]
        if not ready:
            raise CannotStart(f"these resources need each other: {', '.join(sorted(waiting))}")
        for each in ready:
            done[each.logical_id] = waiting.pop(each.logical_id)
    return [each for each in done.values() if each.type in PROVIDERS or is_custom(each.type)]


def _adapted(resource: Resource, sns_url: str) -> Resource:
    """Return a resource with the properties that moto needs in another form."""
    properties = resource.properties
    if resource.type == "AWS::StepFunctions::StateMachine":
        properties = {
            key: value
            for key, value in properties.items()
            if key not in {"DefinitionS3Location", "DefinitionSubstitutions"}
        }
        properties["DefinitionString"] = _definition(resource.properties)
    if resource.type == "AWS::CodeBuild::Project":
        # moto wants a location, which NO_SOURCE has none of on AWS.
        properties = {**properties, "Source": {"Location": "none", **properties["Source"]}}
    if resource.type == "AWS::SNS::Subscription":
        properties = _subscription(properties, sns_url)
    if resource.type == "AWS::SNS::Topic":
        subscriptions = [
            _subscription(each, sns_url) for each in properties.get("Subscription", [])
        ]
        properties = {**properties, "Subscription": subscriptions}
    return replace(resource, properties=properties)


def _subscription(properties: Mapping[str, Any], sns_url: str) -> dict[str, Any]:
    """Return a subscription's properties: moto's SNS reaches a function only over HTTP."""
    known = {"TopicArn", "Protocol", "Endpoint"}
    result = {key: value for key, value in properties.items() if key in known}
    if result["Protocol"] == "lambda":
        name = result["Endpoint"].rsplit(":", 1)[-1]
        result |= {"Protocol": "http", "Endpoint": f"{sns_url}/{name}"}
    return result


def _definition(properties: Mapping[str, Any]) -> str:
    """Return the definition as JSON text; CloudFormation substitutes in the file's raw text."""
    text = Path("/", properties["DefinitionS3Location"]["Key"]).read_text()
    for name, value in properties.get("DefinitionSubstitutions", {}).items():
        text = text.replace(f"${{{name}}}", str(value))
    return json.dumps(yaml.safe_load(text))


def _empty(resource: Resource, clients: Clients) -> None:
    """Delete a repository's images if its EmptyOnDelete says so: they block its deletion."""
    empty_on_delete = str(resource.properties.get("EmptyOnDelete", False)).lower() == "true"
    if resource.type == "AWS::ECR::Repository" and empty_on_delete:
        clients("ecr").delete_repository(repositoryName=resource.name, force=True)
