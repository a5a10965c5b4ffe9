"""Create, update and delete a resource of a stack, whatever its type."""

import functools
import json
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from kennel.cloud.cloudformation.adapters import adapted
from kennel.cloud.cloudformation.custom_resources import CustomResources
from kennel.cloud.cloudformation.deployed import DeployedResources
from kennel.cloud.cloudformation.names import REGION
from kennel.cloud.cloudformation.provider import Answers
from kennel.cloud.cloudformation.providers import PROVIDERS
from kennel.cloud.cloudformation.resource_types import is_custom
from kennel.cloud.cloudformation.template import Resource
from kennel.cloud.runtime.clients import Clients, client

_DYNAMIC = re.compile(r"\{\{resolve:(ssm|ssm-secure|secretsmanager):([^}]+)\}\}")


class Resources:
    """Creates, updates and deletes resources, and registers those that exist for the services.

    Parameters
    ----------
    url
        The offline cloud's address.
    custom
        Invokes the functions of custom resources.
    deployed
        Read by the services that run resources without an API call.
    sns_url
        Where SNS posts a message for a function, before the function's name.
    before_create
        By type: raises KennelError for a resource that its service would refuse.

    Attributes
    ----------
    ending
        Set when the cloud ends: operations under way stop at their next resource.
    """

    def __init__(
        self,
        url: str,
        custom: CustomResources,
        deployed: DeployedResources,
        *,
        sns_url: str = "",
        before_create: Mapping[str, Callable[[Resource], None]] | None = None,
    ) -> None:
        clients: Any = functools.cache(lambda service: client(service, url))
        self.clients: Clients = clients
        self._url = url
        self._custom = custom
        self._deployed = deployed
        self._sns_url = sns_url or f"{url}/kennel/sns"
        self._before_create = before_create or {}
        self.ending = threading.Event()

    def exists(self, resource: Resource, answers: Answers) -> bool:
        """Return whether a resource is there; one without an API of its own always is."""
        provider = PROVIDERS.get(resource.type)
        return provider is None or provider.exists(self.clients, resource, answers)

    def has_by_name(self, resource: Resource, answers: Answers) -> bool:
        """Return whether there is a resource of this name, where the name is its id."""
        provider = PROVIDERS.get(resource.type)
        return bool(
            provider
            and not provider.physical_id
            and provider.exists(self.clients, resource, answers)
        )

    def create(self, stack_id: str, resource: Resource) -> Resource:
        """Create a resource; return it with its physical id and attributes."""
        ready = self._checked(resource)
        if is_custom(resource.type):
            created = self._custom.create(stack_id, ready)
            ready = replace(ready, name=created.name, attributes=created.attributes)
        elif provider := PROVIDERS.get(resource.type):
            sent = replace(ready, properties=adapted(ready, self.clients, self._sns_url))
            ready = replace(ready, name=provider.create(self.clients, sent))
        return self._entered(stack_id, resource, ready)

    def adopt(self, stack_id: str, resource: Resource) -> Resource:
        """Take over a resource that exists already, with what it holds."""
        ready = self._checked(resource)
        self._update_by_api(ready, ready)
        return self._entered(stack_id, resource, ready)

    def update(self, stack_id: str, before: Resource, after: Resource) -> Resource:
        """Change a resource that keeps its physical id; return it as it is then."""
        ready = replace(self._checked(after), name=before.name, attributes=before.attributes)
        if is_custom(after.type):
            changed = self._custom.update(stack_id, before, ready)
            ready = replace(ready, name=changed.name, attributes=changed.attributes)
        else:
            self._update_by_api(before, ready)
        return self._entered(stack_id, after, ready)

    def delete(self, stack_id: str, resource: Resource) -> None:
        """Delete a resource; one that is absent already is no error."""
        self.delete_old(stack_id, resource)
        self.leave(stack_id, resource.logical_id)

    def delete_old(self, stack_id: str, resource: Resource) -> None:
        """Delete a resource that another of the same logical id has replaced."""
        if is_custom(resource.type):
            self._custom.delete(stack_id, resource)
        elif provider := PROVIDERS.get(resource.type):
            _empty(resource, self.clients)
            provider.delete(self.clients, resource)

    def restore(self, stack_id: str, resource: Resource) -> None:
        """Register a resource that exists already."""
        self._deployed.put(stack_id, self._ready(resource))

    def leave(self, stack_id: str, logical_id: str) -> None:
        """Unregister a resource without deleting it."""
        self._deployed.remove(stack_id, logical_id)

    def _entered(self, stack_id: str, resource: Resource, ready: Resource) -> Resource:
        """Register a created resource; return it as its template has it, with its physical id."""
        self._deployed.put(stack_id, ready)
        return replace(resource, name=ready.name, arn=_arn(ready), attributes=ready.attributes)

    def _update_by_api(self, before: Resource, after: Resource) -> None:
        if provider := PROVIDERS.get(after.type):
            old, new = (
                replace(each, properties=adapted(each, self.clients, self._sns_url))
                for each in (before, after)
            )
            provider.update(self.clients, old, new)

    def _ready(self, resource: Resource) -> Resource:
        """Return a resource with the values of its dynamic references, {{resolve:...}}."""
        properties: dict[str, Any] = self._resolved(resource.properties)
        return replace(resource, properties=properties)

    def _checked(self, resource: Resource) -> Resource:
        """Resolve the dynamic references of a resource; raise if its service would refuse it."""
        ready = self._ready(resource)
        if check := self._before_create.get(resource.type):
            check(ready)
        return ready

    def _resolved(self, fragment: Any) -> Any:
        if isinstance(fragment, Mapping):
            return {key: self._resolved(value) for key, value in fragment.items()}
        if isinstance(fragment, list):
            return [self._resolved(item) for item in fragment]
        if not isinstance(fragment, str):
            return fragment
        return _DYNAMIC.sub(lambda match: self._looked_up(*match.groups()), fragment)

    def _looked_up(self, service: str, reference: str) -> str:
        if service != "secretsmanager":
            return self.parameter(reference.partition(":")[0])
        secret, _, key = reference.partition(":SecretString")
        text = self.clients("secretsmanager").get_secret_value(SecretId=secret)["SecretString"]
        key = key.strip(":").split(":")[0]
        return str(json.loads(text)[key]) if key else str(text)

    def reachable(self, text: str) -> str:
        """Return a text in which the addresses of APIs are those at which they answer here."""
        for kind in ("AWS::ApiGateway::RestApi", "AWS::ApiGatewayV2::Api"):
            for api in self._deployed.of_type(kind):
                there = f"https://{api.name}.execute-api.{REGION}.amazonaws.com"
                text = text.replace(there, f"{self._url}/_aws/execute-api/{api.name}")
        return text

    def parameter(self, name: str) -> str:
        """Return the value of one of Systems Manager's parameters."""
        answer = self.clients("ssm").get_parameter(Name=name, WithDecryption=True)
        return str(answer["Parameter"]["Value"])


def _arn(resource: Resource) -> str:
    return resource.name if resource.name.startswith("arn:") else resource.arn


def _empty(resource: Resource, clients: Clients) -> None:
    """Delete a repository's images if its EmptyOnDelete says so: they block its deletion."""
    empty_on_delete = str(resource.properties.get("EmptyOnDelete", False)).lower() == "true"
    if resource.type == "AWS::ECR::Repository" and empty_on_delete:
        clients("ecr").delete_repository(repositoryName=resource.name, force=True)
