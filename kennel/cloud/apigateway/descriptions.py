"""Describe APIs, stages, keys and usage plans in the shapes that API Gateway's Get calls return.

https://docs.aws.amazon.com/apigateway/latest/api/API_Operations.html
"""

from datetime import datetime
from typing import Any

from kennel.cloud.apigateway.definitions import Stage, lower_first, title
from kennel.cloud.apigateway.rest_api import RestApi
from kennel.cloud.apigateway.throttle import Limits
from kennel.cloud.apigateway.usage import Key
from kennel.cloud.cloudformation.template import Resource

Json = dict[str, Any]
_CACHE: Json = {
    "cachingEnabled": False,
    "cacheTtlInSeconds": 300,
    "cacheDataEncrypted": False,
    "requireAuthorizationForCacheControl": True,
    "unauthorizedCacheControlHeaderStrategy": "SUCCEED_WITH_RESPONSE_HEADER",
}


def rest_api(resource: Resource, created: datetime) -> Json:
    """Describe a REST API."""
    properties, body = resource.properties, resource.properties.get("Body") or {}
    info, configured = body.get("info", {}), properties.get("EndpointConfiguration") or {}
    binary = "x-amazon-apigateway-binary-media-types"
    return known(
        {
            "id": resource.name,
            "name": title(resource, body),
            "description": properties.get("Description") or info.get("description"),
            "createdDate": created,
            "version": info.get("version"),
            "binaryMediaTypes": body.get(binary) or properties.get("BinaryMediaTypes"),
            "apiKeySource": properties.get("ApiKeySourceType", "HEADER"),
            "endpointConfiguration": {"types": configured.get("Types", ["EDGE"])},
            "tags": tags(resource),
            "disableExecuteApiEndpoint": False,
            "rootResourceId": resource.name,
        }
    )


def stage(described: Stage, created: datetime) -> Json:
    """Describe a stage of a REST API."""
    settings = described.settings
    return known(
        {
            "deploymentId": described.deployment or None,
            "stageName": described.name,
            "description": settings.get("Description"),
            "cacheClusterEnabled": False,
            "cacheClusterStatus": "NOT_AVAILABLE",
            "methodSettings": dict(map(_method, settings.get("MethodSettings", []))),
            "variables": dict(described.variables) or None,
            "accessLogSettings": lower_first(described.access_log) or None,
            "tracingEnabled": is_true(settings, "TracingEnabled"),
            "tags": _tags(settings),
            "createdDate": created,
            "lastUpdatedDate": created,
        }
    )


def resources(api: RestApi) -> list[Json]:
    """Describe the paths of a REST API, each with its methods."""
    methods: dict[str, Json] = {"/": {}}
    for route in api.routes.all():
        parts = route.path.strip("/").split("/")
        for end in range(1, len(parts)):
            methods.setdefault("/" + "/".join(parts[:end]), {})
        methods.setdefault(route.path, {})[route.method] = {}
    return [
        known(
            {
                "id": f"{api.id}{path.rstrip('/')}",
                "parentId": None if path == "/" else f"{api.id}{path.rpartition('/')[0]}",
                "pathPart": None if path == "/" else path.rpartition("/")[2],
                "path": path,
                "resourceMethods": of_path or None,
            }
        )
        for path, of_path in methods.items()
    ]


def key(api_key: Key, resource: Resource, created: datetime, stages: list[tuple[str, str]]) -> Json:
    """Describe an API key, with its value."""
    return known(
        {
            "id": api_key.id,
            "name": api_key.name,
            "value": api_key.value,
            "description": resource.properties.get("Description"),
            "enabled": api_key.enabled,
            "createdDate": created,
            "lastUpdatedDate": created,
            "stageKeys": [f"{api}/{name}" for api, name in stages],
            "tags": tags(resource),
        }
    )


def plan(resource: Resource) -> Json:
    """Describe a usage plan."""
    properties = resource.properties
    throttle, quota = Limits.read(properties.get("Throttle") or {}), properties.get("Quota")
    return known(
        {
            "id": resource.name,
            "name": properties.get("UsagePlanName") or resource.name,
            "description": properties.get("Description"),
            "apiStages": [
                {"apiId": each["ApiId"], "stage": each["Stage"]}
                for each in properties.get("ApiStages", [])
            ],
            "throttle": throttle and {"burstLimit": throttle.burst, "rateLimit": throttle.rate},
            "quota": quota
            and {
                "limit": int(quota["Limit"]),
                "offset": int(quota.get("Offset", 0)),
                "period": quota["Period"],
            },
            "tags": tags(resource),
        }
    )


def is_true(properties: Any, name: str) -> bool:
    """Return whether a Boolean property is true; a template may write it as a text."""
    return str(properties.get(name, False)).lower() == "true"


def known(members: Json) -> Json:
    """Return the members that have a value."""
    return {name: value for name, value in members.items() if value is not None}


def tags(resource: Resource) -> dict[str, str] | None:
    """Return the tags of a resource, which some types have as a map; None without any."""
    return _tags(resource.properties)


def _tags(properties: Any) -> dict[str, str] | None:
    declared = properties.get("Tags") or {}
    if isinstance(declared, list):
        declared = {each["Key"]: each["Value"] for each in declared}
    return {name: str(value) for name, value in declared.items()} or None


def _method(settings: Json) -> tuple[str, Json]:
    path = str(settings.get("ResourcePath", "/*")).removeprefix("/").replace("/", "~1")
    path = path if path == "*" else f"~1{path}".replace("~1~1", "~1")
    limits = Limits.read(settings, "Throttling")
    return f"{path}/{settings.get('HttpMethod', '*')}", {
        "metricsEnabled": is_true(settings, "MetricsEnabled"),
        "loggingLevel": settings.get("LoggingLevel", "OFF"),
        "dataTraceEnabled": is_true(settings, "DataTraceEnabled"),
        "throttlingBurstLimit": limits.burst if limits else 5000,
        "throttlingRateLimit": limits.rate if limits else 10000.0,
        **_CACHE,
    }
