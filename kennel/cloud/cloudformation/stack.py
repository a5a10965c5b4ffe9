"""A stack as CloudFormation makes and removes it: in order, each resource by its own API.

The calls go to the offline cloud's own address, as any client's do.
"""

import functools
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import yaml
from botocore.config import Config
from botocore.exceptions import ClientError

from kennel.cloud.cloudformation.custom_resources import CustomResources
from kennel.cloud.cloudformation.names import REGION
from kennel.cloud.cloudformation.provider_steps import Clients, subscription
from kennel.cloud.cloudformation.providers import MAKERS
from kennel.cloud.cloudformation.resource_types import is_custom
from kennel.cloud.cloudformation.template import Resource, Stack
from kennel.cloud.iam.identity import OPERATOR_KEY
from kennel.cloud.runtime.store import Store
from kennel.errors import CannotStart, KennelError

_DYNAMIC = re.compile(r"\{\{resolve:ssm:([^}:]+)(?::\d+)?\}\}")


def client(service: str, url: str, access_key: str = OPERATOR_KEY) -> Any:
    """Return a boto3 client for the offline cloud at `url`.

    Parameters
    ----------
    access_key
        The operator's, or a role's logical id for a client with that role's permissions.
    """
    make: Any = boto3.client  # its type knows a client only where the service is a literal
    return make(
        service,
        endpoint_url=url,
        region_name=REGION,
        aws_access_key_id=access_key,
        aws_secret_access_key="offline",  # noqa: S106 - signatures are not checked
        config=Config(s3={"addressing_style": "path"}, proxies={}),
    )


class Deployment:
    """What of a stack exists.

    Parameters
    ----------
    stack
        The template's resources.
    url
        The offline cloud's address.
    custom
        What invokes the functions of custom resources.
    store
        Remembers what custom resources were told: a restart is no new creation.
    """

    def __init__(
        self, stack: Stack, url: str, custom: CustomResources, store: Store | None = None
    ) -> None:
        self._stack = stack
        self._clients: Clients = functools.cache(lambda service: client(service, url))
        self._custom = custom
        self._store = store or Store(None)
        self._made: dict[str, Resource] = {}
        self._ids: dict[str, str] = {}  # name made up here: id made up there

    def create(self) -> None:
        """Make every resource after those that it needs, then make sure that each is there.

        Raises
        ------
        CannotStart
            With the service's own reason, or the name of what it did not make.
        """
        for resource in in_order(self._stack):
            ready = replace(resource, properties=self._with_ids(resource.properties))
            try:
                self._create(_adapted(ready, self._clients))
            except ClientError as error:
                raise CannotStart(
                    f"{resource.logical_id} ({resource.type}) cannot be created: {error}"
                ) from error
        absent = [
            each.logical_id
            for each in self._made.values()
            if not is_custom(each.type) and not MAKERS[each.type].exists(self._clients, each)
        ]
        if absent:
            raise CannotStart(f"created without an error, and not there: {', '.join(absent)}")

    def delete(self, keep: bool = True) -> list[str]:
        """Remove the stack as `aws cloudformation delete-stack` does, last made first.

        Returns
        -------
        list of str
            Logical ids of what the template says to keep.

        Raises
        ------
        KennelError
            When something blocks its own deletion, as on AWS: what was made later is gone then,
            what was made earlier is still there.
        """
        kept = []
        for logical_id, resource in reversed(list(self._made.items())):
            if keep and resource.deletion_policy.startswith("Retain"):
                kept.append(logical_id)
                continue
            try:
                if is_custom(resource.type):
                    self._custom.delete(resource)
                    self._store.delete("custom-resource", logical_id)
                else:
                    _empty_if_told(resource, self._clients)
                    MAKERS[resource.type].remove(self._clients, resource)
            except ClientError as error:
                raise KennelError(f"DELETE_FAILED: {logical_id}: {error}") from error
            del self._made[logical_id]
        return kept

    def _tell(self, resource: Resource) -> Resource:
        """Tell a custom resource what has become of it since it was last told, if anything."""
        known = self._store.get("custom-resource", resource.logical_id)
        if known is None:
            made = self._custom.create(resource)
        else:
            before = replace(resource, name=known["name"], properties=known["properties"])
            same = known["properties"] == resource.properties
            made = replace(resource, name=before.name)
            if not same:
                made = self._custom.update(before, resource)
        kept = {"name": made.name, "properties": resource.properties}
        self._store.put("custom-resource", resource.logical_id, kept)
        return made

    def _create(self, resource: Resource) -> None:
        if is_custom(resource.type):
            self._made[resource.logical_id] = self._tell(resource)
            return
        maker = MAKERS[resource.type]
        if maker.physical or not maker.exists(self._clients, resource):
            made_up = maker.make(self._clients, resource)
            if made_up:
                self._ids[resource.name] = made_up
                resource = replace(resource, name=made_up)
        self._made[resource.logical_id] = resource

    def _with_ids(self, fragment: Any) -> Any:
        """Put ids that AWS made up, and values of {{resolve:ssm:...}}, in their places."""
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
        found = self._clients("ssm").get_parameter(Name=name)
        return str(found["Parameter"]["Value"])


def in_order(stack: Stack) -> list[Resource]:
    """Return what has to be made, each resource after those that it needs.

    Raises
    ------
    CannotStart
        When resources need each other in a circle.
    """
    done: dict[str, Resource] = {}
    waiting = dict(stack.resources)
    while waiting:
        ready = [each for each in waiting.values() if not each.needs & set(waiting)]
        if not ready:
            raise CannotStart(f"these resources need each other: {', '.join(sorted(waiting))}")
        for each in ready:
            done[each.logical_id] = waiting.pop(each.logical_id)
    return [each for each in done.values() if each.type in MAKERS or is_custom(each.type)]


def _adapted(resource: Resource, clients: Clients) -> Resource:
    """Return it with what only a deployment knows: a definition's text, a function's address."""
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
        properties = subscription(properties, clients("sns").meta.endpoint_url)
    return replace(resource, properties=properties)


def _definition(properties: Mapping[str, Any]) -> str:
    """Return the definition as JSON text; CloudFormation substitutes in the file's raw text."""
    text = Path("/", properties["DefinitionS3Location"]["Key"]).read_text()
    for name, value in properties.get("DefinitionSubstitutions", {}).items():
        text = text.replace(f"${{{name}}}", str(value))
    return json.dumps(yaml.safe_load(text))


def _empty_if_told(resource: Resource, clients: Clients) -> None:
    """Do what EmptyOnDelete says: a repository with images cannot be deleted otherwise."""
    told = str(resource.properties.get("EmptyOnDelete", False)).lower() == "true"
    if resource.type == "AWS::ECR::Repository" and told:
        clients("ecr").delete_repository(repositoryName=resource.name, force=True)
