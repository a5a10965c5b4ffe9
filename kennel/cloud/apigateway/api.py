"""API Gateway's reads: REST APIs, stages, keys, usage plans and their usage, as they are served.

https://docs.aws.amazon.com/apigateway/latest/api/API_Operations.html
"""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from kennel.cloud.apigateway.throttle import Quota
from kennel.cloud.cloudformation.names import ACCOUNT
from kennel.cloud.cloudformation.template import Resource, Stack
from kennel.cloud.iam.requests import ApiCall
from kennel.cloud.runtime.answers import written
from kennel.cloud.runtime.errors import ServiceError, not_implemented
from kennel.cloud.runtime.pages import numbered_page

Json = dict[str, Any]
_PAGE = 25  # items, where the call says nothing
_MOST_DAYS = 90
_CACHE: Json = {
    "cachingEnabled": False,
    "cacheTtlInSeconds": 300,
    "cacheDataEncrypted": False,
    "requireAuthorizationForCacheControl": True,
    "unauthorizedCacheControlHeaderStrategy": "SUCCEED_WITH_RESPONSE_HEADER",
}


class ApiGatewayReads:
    """Answers the reads; every other call is refused by name.

    Parameters
    ----------
    key
        The value of the API key.
    quota
        Counts the requests with the key.
    """

    def __init__(self, stack: Stack, key: str, quota: Quota) -> None:
        self._stack = stack
        self._key = key
        self._quota = quota
        self._created = datetime.now(UTC).replace(microsecond=0)

    async def __call__(self, request: Request, call: ApiCall) -> Response:
        """Answer a call; raises ServiceError for what does not exist."""
        parameters = call.parameters
        reads: Mapping[str, Callable[[Json], Json]] = {
            "GetRestApis": lambda p: _page(self._apis(), p),
            "GetRestApi": lambda p: self._api(p["restApiId"]),
            "GetStages": lambda p: {"item": self._stages(p["restApiId"])},
            "GetStage": self._stage,
            "GetApiKeys": self._keys,
            "GetApiKey": self._one_key,
            "GetUsagePlans": lambda p: _page(self._plans(p.get("keyId")), p),
            "GetUsagePlan": lambda p: self._plan(p["usagePlanId"]),
            "GetUsagePlanKeys": lambda p: _page(self._plan_keys(p["usagePlanId"]), p),
            "GetUsage": self._usage,
        }
        if call.operation not in reads:
            raise not_implemented(
                f"the offline cloud does not emulate apigateway:{call.operation}; it answers "
                f"{', '.join(reads)}"
            )
        return written("apigateway", call.operation, reads[call.operation](parameters))

    def _of_type(self, name: str) -> list[Resource]:
        return self._stack.of_type(f"AWS::ApiGateway::{name}")

    def _apis(self) -> list[Json]:
        return [_api(each, self._created) for each in self._of_type("RestApi")]

    def _api(self, name: str) -> Json:
        message = f"Invalid API identifier specified {ACCOUNT}:{name}"
        return _one(self._apis(), "id", name, message)

    def _stages(self, api: str) -> list[Json]:
        self._api(api)
        stages = self._of_type("Stage")
        here = [each for each in stages if each.properties["RestApiId"] == api]
        return [_stage(each, self._created) for each in here]

    def _stage(self, parameters: Json) -> Json:
        stages = self._stages(parameters["restApiId"])
        message = "Invalid stage identifier specified"
        return _one(stages, "stageName", parameters["stageName"], message)

    def _every_key(self, with_value: bool) -> list[Json]:
        plan_keys = [each.properties for each in self._of_type("UsagePlanKey")]
        plans = {each.name: each.properties for each in self._of_type("UsagePlan")}
        keys = []
        for each in self._of_type("ApiKey"):
            in_plans = [p["UsagePlanId"] for p in plan_keys if p["KeyId"] == each.name]
            stages = [s for plan in in_plans for s in plans[plan].get("ApiStages", [])]
            key = {
                "id": each.name,
                "name": each.name,
                "description": each.properties.get("Description"),
                "enabled": _is_true(each.properties, "Enabled"),
                "createdDate": self._created,
                "lastUpdatedDate": self._created,
                "stageKeys": [f"{stage['ApiId']}/{stage['Stage']}" for stage in stages],
                "tags": _tags(each),
                **({"value": self._key} if with_value else {}),
            }
            keys.append(_known(key))
        return keys

    def _keys(self, parameters: Json) -> Json:
        keys = self._every_key(bool(parameters.get("includeValues")))
        start = parameters.get("nameQuery", "")
        return _page([each for each in keys if each["name"].startswith(start)], parameters)

    def _one_key(self, parameters: Json) -> Json:
        keys = self._every_key(bool(parameters.get("includeValue")))
        return _one(keys, "id", parameters["apiKey"], "Invalid API Key identifier specified")

    def _plans(self, key: str | None = None) -> list[Json]:
        plans = [_plan(each) for each in self._of_type("UsagePlan")]
        return [
            each
            for each in plans
            if key is None or key in {one["id"] for one in self._plan_keys(each["id"])}
        ]

    def _plan(self, name: str) -> Json:
        return _one(self._plans(), "id", name, "Invalid Usage Plan ID specified")

    def _plan_keys(self, plan: str) -> list[Json]:
        if plan not in {each.name for each in self._of_type("UsagePlan")}:
            raise _absent("Invalid Usage Plan ID specified")
        return [
            {"id": key, "type": "API_KEY", "value": self._key, "name": key}
            for each in self._of_type("UsagePlanKey")
            if each.properties["UsagePlanId"] == plan
            for key in [each.properties["KeyId"]]
        ]

    def _usage(self, parameters: Json) -> Json:
        keys = [each["id"] for each in self._plan_keys(parameters["usagePlanId"])]
        asked = parameters.get("keyId")
        if asked and asked not in keys:
            raise _absent("Invalid API Key identifier specified")
        dates = parameters["startDate"], parameters["endDate"]
        try:
            first, last = map(date.fromisoformat, dates)
        except ValueError as error:
            message = f"Invalid date in {' and '.join(dates)}, expected yyyy-MM-dd"
            raise ServiceError("BadRequestException", message) from error
        if not 0 <= (last - first).days < _MOST_DAYS:
            message = (
                f"Invalid date range: from {first} to {last}, expected up to {_MOST_DAYS} days"
            )
            raise ServiceError("BadRequestException", message)
        items = {key: self._quota.usage(first, last) for key in ([asked] if asked else keys)}
        return {
            "usagePlanId": parameters["usagePlanId"],
            "startDate": dates[0],
            "endDate": dates[1],
            "items": items,
        }


def _api(resource: Resource, created: datetime) -> Json:
    properties, body = resource.properties, resource.properties.get("Body", {})
    configured = properties.get("EndpointConfiguration", {})
    return _known(
        {
            "id": resource.name,
            "name": properties.get("Name") or body.get("info", {}).get("title", resource.name),
            "description": properties.get("Description") or body.get("info", {}).get("description"),
            "createdDate": created,
            "version": body.get("info", {}).get("version"),
            "binaryMediaTypes": body.get("x-amazon-apigateway-binary-media-types"),
            "apiKeySource": properties.get("ApiKeySourceType", "HEADER"),
            "endpointConfiguration": {"types": configured.get("Types", ["EDGE"])},
            "tags": _tags(resource),
            "disableExecuteApiEndpoint": False,
            "rootResourceId": resource.name,
        }
    )


def _stage(resource: Resource, created: datetime) -> Json:
    properties = resource.properties
    return _known(
        {
            "deploymentId": properties.get("DeploymentId"),
            "stageName": resource.name,
            "description": properties.get("Description"),
            "cacheClusterEnabled": False,
            "cacheClusterStatus": "NOT_AVAILABLE",
            "methodSettings": dict(map(_method, properties.get("MethodSettings", []))),
            "variables": properties.get("Variables"),
            "tracingEnabled": _is_true(properties, "TracingEnabled"),
            "tags": _tags(resource),
            "createdDate": created,
            "lastUpdatedDate": created,
        }
    )


def _method(settings: Json) -> tuple[str, Json]:
    path = settings["ResourcePath"].removeprefix("/").replace("/", "~1")
    path = path if path == "*" else f"~1{path}".replace("~1~1", "~1")
    return f"{path}/{settings['HttpMethod']}", {
        "metricsEnabled": _is_true(settings, "MetricsEnabled"),
        "loggingLevel": settings.get("LoggingLevel", "OFF"),
        "dataTraceEnabled": _is_true(settings, "DataTraceEnabled"),
        "throttlingBurstLimit": int(settings.get("ThrottlingBurstLimit", 5000)),
        "throttlingRateLimit": float(settings.get("ThrottlingRateLimit", 10000)),
        **_CACHE,
    }


def _plan(resource: Resource) -> Json:
    properties = resource.properties
    throttle, quota = properties.get("Throttle"), properties.get("Quota")
    return _known(
        {
            "id": resource.name,
            "name": resource.name,
            "description": properties.get("Description"),
            "apiStages": [
                {"apiId": each["ApiId"], "stage": each["Stage"]}
                for each in properties.get("ApiStages", [])
            ],
            "throttle": throttle
            and {
                "burstLimit": int(throttle["BurstLimit"]),
                "rateLimit": float(throttle["RateLimit"]),
            },
            "quota": quota
            and {
                "limit": int(quota["Limit"]),
                "offset": int(quota.get("Offset", 0)),
                "period": quota["Period"],
            },
            "tags": _tags(resource),
        }
    )


def _is_true(properties: Json, name: str) -> bool:
    """Return whether a Boolean property is true; a template may write it as a text."""
    return str(properties.get(name, False)).lower() == "true"


def _tags(resource: Resource) -> dict[str, str] | None:
    tags = resource.properties.get("Tags", [])
    return {each["Key"]: str(each["Value"]) for each in tags} or None


def _known(members: Json) -> Json:
    return {name: value for name, value in members.items() if value is not None}


def _one(items: list[Json], member: str, wanted: str, message: str) -> Json:
    found = next((each for each in items if each[member] == wanted), None)
    if found is None:
        raise _absent(message)
    return found


def _absent(message: str) -> ServiceError:
    return ServiceError("NotFoundException", message, 404)


def _page(items: list[Json], parameters: Json) -> Json:
    page, position = numbered_page(
        items,
        parameters.get("position"),
        max(1, int(parameters.get("limit") or _PAGE)),
        lambda text: ServiceError("BadRequestException", f"Invalid position: {text}"),
    )
    return _known({"items": page, "position": position})
