"""API keys and usage plans: which key may call which stage, how fast, and how often a day.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-api-usage-plans.html
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from kennel.cloud.apigateway.throttle import Buckets, Limits, Quota
from kennel.cloud.cloudformation.deployed import DeployedResources
from kennel.cloud.cloudformation.template import Resource
from kennel.cloud.runtime.store import Store

_KIND = "api-key"
_BEFORE = "value"  # name under which earlier versions stored the value of the only key


@dataclass(frozen=True)
class Key:
    """An API key."""

    id: str
    name: str
    value: str
    enabled: bool


@dataclass(frozen=True)
class Plan:
    """A usage plan; `stages` has its stages, by API and name, with the limits of their methods."""

    id: str
    limits: Limits | None
    quota: Mapping[str, Any] | None
    stages: Mapping[tuple[str, str], Mapping[str, Limits | None]]


class UsagePlans:
    """The API keys and usage plans that are deployed now, and what was used of them.

    Parameters
    ----------
    store
        Keeps the values of keys that the template gives none.
    """

    def __init__(self, resources: DeployedResources, store: Store) -> None:
        self._resources = resources
        self._store = store
        self._buckets = Buckets()
        self._quotas: dict[tuple[str, str], Quota] = {}
        self._version = -1
        self._keys: dict[str, Key] = {}
        self._plans: dict[str, Plan] = {}
        self._plans_of: dict[str, list[str]] = {}
        self._by_value: dict[str, Key] = {}

    def every_key(self) -> list[Key]:
        """Return the keys, in the order of their creation."""
        self._refresh()
        return list(self._keys.values())

    def plans_of(self, key: str) -> list[str]:
        """Return the ids of the plans that a key is tied to."""
        self._refresh()
        return self._plans_of.get(key, [])

    def keys_of(self, plan: str) -> list[Key]:
        """Return the keys that are tied to a plan."""
        return [each for each in self.every_key() if plan in self.plans_of(each.id)]

    def stages_of(self, key: str) -> list[tuple[str, str]]:
        """Return the stages that a key may call, each as API and name."""
        plans = (self._plans[each] for each in self.plans_of(key) if each in self._plans)
        return [stage for plan in plans for stage in plan.stages]

    def usage(self, plan: str, key: str, first: date, last: date) -> list[list[int]]:
        """Return for each day how many requests with a key a plan allowed, and what was left."""
        self._refresh()
        return self._quota(plan, key).usage(first, last)

    def admit(self, value: str | None, stage: tuple[str, str], method: str) -> Key | str:
        """Count a request with a key's value; return the key, or why it is refused.

        Parameters
        ----------
        stage
            Its API and its name.
        method
            The resource's path and the method, such as `/pets/{id}/GET`.

        Returns
        -------
        Key or str
            A text is the type of the gateway response.
        """
        self._refresh()
        key = self._by_value.get(value or "")
        if key is None or not key.enabled:
            return "INVALID_API_KEY"
        for name in self._plans_of.get(key.id, ()):
            plan = self._plans.get(name)
            if plan is None or stage not in plan.stages:
                continue
            methods = plan.stages[stage]
            is_limited = method in methods
            limited = (plan.id, key.id, *((*stage, method) if is_limited else ()))
            limits = methods[method] if is_limited else plan.limits
            if not self._buckets.take(limited, limits):
                return "THROTTLED"
            return key if self._quota(plan.id, key.id).take() else "QUOTA_EXCEEDED"
        return "INVALID_API_KEY"

    def _quota(self, plan: str, key: str) -> Quota:
        if (plan, key) not in self._quotas:
            self._quotas[plan, key] = _limited(Quota(None), self._plans[plan])
        return self._quotas[plan, key]

    def _refresh(self) -> None:
        """Read the resources again where they have changed."""
        version = self._resources.version
        if version == self._version:
            return
        of_type = self._resources.of_type
        keys = [self._read_key(each) for each in of_type("AWS::ApiGateway::ApiKey")]
        plans = [_read_plan(each) for each in of_type("AWS::ApiGateway::UsagePlan")]
        plans_of: dict[str, list[str]] = {}
        for each in of_type("AWS::ApiGateway::UsagePlanKey"):
            plans_of.setdefault(each.properties["KeyId"], []).append(each.properties["UsagePlanId"])
        self._keys = {each.id: each for each in keys}
        self._by_value = {each.value: each for each in keys}
        self._plans = {each.id: each for each in plans}
        self._plans_of = plans_of
        for (plan, _), quota in self._quotas.items():
            if plan in self._plans:
                _limited(quota, self._plans[plan])
        self._version = version

    def _read_key(self, resource: Resource) -> Key:
        properties = resource.properties
        enabled = str(properties.get("Enabled", False)).lower() == "true"
        value = properties.get("Value") or self._generated_value(resource.name)
        name = str(properties.get("Name") or resource.name)
        return Key(resource.name, name, str(value), enabled)

    def _generated_value(self, key: str) -> str:
        """Return the value that was generated for a key; generate one the first time."""
        if stored := self._store.get(_KIND, key):
            return str(stored["value"])
        before = self._store.get(_KIND, _BEFORE)
        stored = before or {"value": secrets.token_urlsafe(24)}
        self._store.put(_KIND, key, stored)
        if before:
            self._store.delete(_KIND, _BEFORE)
        return str(stored["value"])


def _limited(quota: Quota, plan: Plan) -> Quota:
    """Return a quota with the limit of its plan as it is now."""
    declared = plan.quota or {}
    limit = int(declared["Limit"]) if "Limit" in declared else None
    quota.change(limit, str(declared.get("Period", "DAY")), int(declared.get("Offset", 0)))
    return quota


def _read_plan(resource: Resource) -> Plan:
    properties = resource.properties
    stages = {
        (str(each["ApiId"]), str(each["Stage"])): {
            method: Limits.read(limits) for method, limits in (each.get("Throttle") or {}).items()
        }
        for each in properties.get("ApiStages", [])
    }
    limits = Limits.read(properties.get("Throttle") or {})
    return Plan(resource.name, limits, properties.get("Quota"), stages)
