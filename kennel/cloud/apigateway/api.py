"""Answer API Gateway's Get calls: REST APIs, stages, keys, usage plans and their usage.

https://docs.aws.amazon.com/apigateway/latest/api/API_Operations.html
"""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from kennel.cloud.apigateway import descriptions
from kennel.cloud.apigateway.apis import Apis
from kennel.cloud.apigateway.http_reads import HttpReads
from kennel.cloud.apigateway.rest_api import RestApi
from kennel.cloud.apigateway.usage import UsagePlans
from kennel.cloud.cloudformation.deployed import DeployedResources
from kennel.cloud.cloudformation.names import ACCOUNT
from kennel.cloud.cloudformation.template import Resource
from kennel.cloud.iam.requests import ApiCall
from kennel.cloud.runtime.answers import written
from kennel.cloud.runtime.errors import ServiceError, not_implemented
from kennel.cloud.runtime.pages import numbered_page

Json = dict[str, Any]
Reads = Mapping[str, Callable[[Json], Json]]
_PAGE = 25  # items, where the call says nothing
_MOST_DAYS = 90
_NO_API = f"Invalid API identifier specified {ACCOUNT}:{{}}"
_NO_STAGE = "Invalid stage identifier specified"
_NO_KEY = "Invalid API Key identifier specified"
_NO_PLAN = "Invalid Usage Plan ID specified"


class ApiGatewayReads:
    """Answers the reads of both of API Gateway's APIs; every other call is refused by name.

    Parameters
    ----------
    resources
        Declare the APIs, keys and usage plans.
    apis, plans
        Serve them.
    """

    def __init__(self, resources: DeployedResources, apis: Apis, plans: UsagePlans) -> None:
        self._resources = resources
        self._apis = apis
        self._plans = plans
        self._first_seen: dict[tuple[str, str], datetime] = {}
        self._of_rest: Reads = {
            "GetRestApis": lambda p: _page(self._every_api(), p),
            "GetRestApi": lambda p: _one(self._every_api(), "id", p["restApiId"], _NO_API),
            "GetResources": lambda p: _page(descriptions.resources(self._api(p["restApiId"])), p),
            "GetStages": lambda p: {"item": self._stages(p["restApiId"])},
            "GetStage": self._stage,
            "GetApiKeys": self._keys,
            "GetApiKey": self._key,
            "GetUsagePlans": lambda p: _page(self._every_plan(p.get("keyId")), p),
            "GetUsagePlan": lambda p: _one(self._every_plan(), "id", p["usagePlanId"], _NO_PLAN),
            "GetUsagePlanKeys": lambda p: _page(self._plan_keys(p["usagePlanId"]), p),
            "GetUsage": self._usage,
        }
        self._of_http: Reads = HttpReads(resources, apis, self._created).operations()

    async def __call__(self, request: Request, call: ApiCall) -> Response:
        """Answer a call; raises ServiceError for what does not exist."""
        reads = self._of_http if call.service == "apigatewayv2" else self._of_rest
        if call.operation not in reads:
            raise not_implemented(
                f"the offline cloud does not emulate {call.service}:{call.operation}; it answers "
                f"{', '.join(reads)}"
            )
        return written(call.service, call.operation, reads[call.operation](call.parameters))

    def _of_type(self, name: str) -> list[Resource]:
        return self._resources.of_type(f"AWS::ApiGateway::{name}")

    def _created(self, kind: str, name: str) -> datetime:
        """Return when something was first seen here, which is soon after its creation."""
        now = datetime.now(UTC).replace(microsecond=0)
        return self._first_seen.setdefault((kind, name), now)

    def _every_api(self) -> list[Json]:
        return [
            descriptions.rest_api(each, self._created("api", each.name))
            for each in self._of_type("RestApi")
        ]

    def _api(self, name: str) -> RestApi:
        api = self._apis.deployed().rest.get(name)
        if api is None:
            raise _absent(_NO_API.format(name))
        return api

    def _stages(self, name: str) -> list[Json]:
        stages = self._api(name).stages.values()
        return [
            descriptions.stage(each, self._created(f"stage of {name}", each.name))
            for each in stages
        ]

    def _stage(self, parameters: Json) -> Json:
        stages = self._stages(parameters["restApiId"])
        return _one(stages, "stageName", parameters["stageName"], _NO_STAGE)

    def _every_key(self, with_value: bool) -> list[Json]:
        resources = {each.name: each for each in self._of_type("ApiKey")}
        keys = [
            descriptions.key(
                each,
                resources[each.id],
                self._created("key", each.id),
                self._plans.stages_of(each.id),
            )
            for each in self._plans.every_key()
        ]
        return [
            {name: value for name, value in key.items() if with_value or name != "value"}
            for key in keys
        ]

    def _keys(self, parameters: Json) -> Json:
        keys = self._every_key(bool(parameters.get("includeValues")))
        start = parameters.get("nameQuery") or ""
        return _page([each for each in keys if each["name"].startswith(start)], parameters)

    def _key(self, parameters: Json) -> Json:
        keys = self._every_key(bool(parameters.get("includeValue")))
        return _one(keys, "id", parameters["apiKey"], _NO_KEY)

    def _every_plan(self, key: str | None = None) -> list[Json]:
        plans = [descriptions.plan(each) for each in self._of_type("UsagePlan")]
        return [each for each in plans if key is None or each["id"] in self._plans.plans_of(key)]

    def _plan_keys(self, plan: str) -> list[Json]:
        _one(self._every_plan(), "id", plan, _NO_PLAN)
        return [
            {"id": each.id, "type": "API_KEY", "value": each.value, "name": each.name}
            for each in self._plans.keys_of(plan)
        ]

    def _usage(self, parameters: Json) -> Json:
        plan, asked = parameters["usagePlanId"], parameters.get("keyId")
        keys = [each["id"] for each in self._plan_keys(plan)]
        if asked and asked not in keys:
            raise _absent(_NO_KEY)
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
        return {
            "usagePlanId": plan,
            "startDate": dates[0],
            "endDate": dates[1],
            "items": {
                key: self._plans.usage(plan, key, first, last)
                for key in ([asked] if asked else keys)
            },
        }


def _one(items: list[Json], member: str, wanted: str, message: str) -> Json:
    item = next((each for each in items if each[member] == wanted), None)
    if item is None:
        raise _absent(message.format(wanted))
    return item


def _absent(message: str) -> ServiceError:
    return ServiceError("NotFoundException", message, 404)


def _page(items: list[Json], parameters: Json) -> Json:
    page, position = numbered_page(
        items,
        parameters.get("position"),
        max(1, int(parameters.get("limit") or _PAGE)),
        lambda text: ServiceError("BadRequestException", f"Invalid position: {text}"),
    )
    return descriptions.known({"items": page, "position": position})
