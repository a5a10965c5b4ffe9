"""Answer apigatewayv2's Get calls: HTTP APIs, their stages and routes.

https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/api-reference.html
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from kennel.cloud.apigateway.apis import Apis
from kennel.cloud.apigateway.definitions import Stage
from kennel.cloud.apigateway.descriptions import is_true, known, tags
from kennel.cloud.apigateway.http_api import HttpApi
from kennel.cloud.apigateway.operations import Route
from kennel.cloud.apigateway.throttle import Limits
from kennel.cloud.cloudformation.deployed import DeployedResources
from kennel.cloud.cloudformation.names import REGION
from kennel.cloud.cloudformation.template import Resource
from kennel.cloud.runtime.errors import ServiceError

Json = dict[str, Any]


class HttpReads:
    """Answers the reads of HTTP APIs.

    Parameters
    ----------
    created
        Returns when something of a kind and a name was created.
    """

    def __init__(
        self, resources: DeployedResources, apis: Apis, created: Callable[[str, str], datetime]
    ) -> None:
        self._resources = resources
        self._apis = apis
        self._created = created

    def operations(self) -> Mapping[str, Callable[[Json], Json]]:
        """Return what answers each operation."""
        return {
            "GetApis": lambda p: {"Items": [self._describe(each) for each in self._every()]},
            "GetApi": self._one,
            "GetStages": lambda p: {"Items": self._stages(p["ApiId"])},
            "GetStage": self._stage,
            "GetRoutes": lambda p: {"Items": self._routes(p["ApiId"])},
        }

    def _every(self) -> list[Resource]:
        return self._resources.of_type("AWS::ApiGatewayV2::Api")

    def _api(self, name: str) -> HttpApi:
        api = self._apis.deployed().http.get(name)
        if api is None:
            raise _absent(f"Invalid API identifier specified {name}")
        return api

    def _one(self, parameters: Json) -> Json:
        name = self._api(parameters["ApiId"]).id
        return next(self._describe(each) for each in self._every() if each.name == name)

    def _describe(self, resource: Resource) -> Json:
        api = self._api(resource.name)
        return known(
            {
                "ApiId": api.id,
                "Name": api.name,
                "ApiEndpoint": f"https://{api.id}.execute-api.{REGION}.amazonaws.com",
                "ProtocolType": "HTTP",
                "RouteSelectionExpression": "$request.method $request.path",
                "Description": resource.properties.get("Description"),
                "CreatedDate": self._created("http api", api.id),
                "DisableExecuteApiEndpoint": False,
                "Tags": tags(resource),
            }
        )

    def _stages(self, name: str) -> list[Json]:
        stages = self._api(name).stages.values()
        return [_stage(each, self._created(f"stage of {name}", each.name)) for each in stages]

    def _stage(self, parameters: Json) -> Json:
        stages, name = self._stages(parameters["ApiId"]), parameters["StageName"]
        stage = next((each for each in stages if each["StageName"] == name), None)
        if stage is None:
            raise _absent("Invalid stage identifier specified")
        return stage

    def _routes(self, name: str) -> list[Json]:
        return [_route(each) for each in self._api(name).routes.all()]


def _stage(stage: Stage, created: datetime) -> Json:
    default = stage.settings.get("DefaultRouteSettings") or {}
    limits = Limits.read(default, "Throttling")
    return known(
        {
            "StageName": stage.name,
            "AutoDeploy": is_true(stage.settings, "AutoDeploy"),
            "CreatedDate": created,
            "LastUpdatedDate": created,
            "DeploymentId": stage.deployment or None,
            "DefaultRouteSettings": {
                "DetailedMetricsEnabled": is_true(default, "DetailedMetricsEnabled"),
                **(
                    {"ThrottlingBurstLimit": limits.burst, "ThrottlingRateLimit": limits.rate}
                    if limits
                    else {}
                ),
            },
            "RouteSettings": {},
            "StageVariables": dict(stage.variables),
        }
    )


def _route(route: Route) -> Json:
    return {
        "RouteId": route.key,
        "RouteKey": route.key,
        "ApiKeyRequired": False,
        "AuthorizationType": "NONE",
        "Target": f"integrations/{route.key}",
    }


def _absent(message: str) -> ServiceError:
    return ServiceError("NotFoundException", message, 404)
