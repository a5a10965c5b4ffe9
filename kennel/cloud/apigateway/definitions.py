"""The OpenAPI definition of an API: its Body, and the routes that are resources of their own.

A template declares an API as OpenAPI, as SAM's transform does, or resource by resource, as the CDK
does, or both; here the second becomes a part of the first.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from kennel.cloud.apigateway.operations import ANY, INTEGRATION
from kennel.cloud.cloudformation.template import Resource

Json = dict[str, Any]
OfType = Callable[[str], list[Resource]]
_RESPONSES = "x-amazon-apigateway-gateway-responses"


@dataclass(frozen=True)
class Stage:
    """A stage of an API.

    Attributes
    ----------
    settings
        The properties that the template declares.
    """

    name: str
    variables: Mapping[str, str] = field(default_factory=dict)
    deployment: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def access_log(self) -> Mapping[str, Any]:
        """The destination and the format of a REST API's access log; {} without one."""
        return self.settings.get("AccessLogSetting") or {}


def title(api: Resource, body: Mapping[str, Any]) -> str:
    """Return the name that an API was given, else its id."""
    return str(api.properties.get("Name") or body.get("info", {}).get("title") or api.name)


def rest_body(api: Resource, of_type: OfType) -> Json:
    """Return the definition of a REST API."""
    body = {**(api.properties.get("Body") or {})}
    if binary := api.properties.get("BinaryMediaTypes"):
        name = "x-amazon-apigateway-binary-media-types"
        body[name] = [*body.get(name, []), *(each.replace("~1", "/") for each in binary)]
    paths = {path: {**methods} for path, methods in (body.get("paths") or {}).items()}
    resources = {each.name: each for each in _of(of_type("AWS::ApiGateway::Resource"), api)}
    for method in _of(of_type("AWS::ApiGateway::Method"), api):
        path = _path_of(str(method.properties.get("ResourceId", "")), resources)
        paths.setdefault(path, {})[_method_of(method)] = rest_operation(method)
    declared = {**body.get(_RESPONSES, {})}
    for response in _of(of_type("AWS::ApiGateway::GatewayResponse"), api):
        declared[response.properties["ResponseType"]] = lower_first(response.properties)
    return {**body, "paths": paths, _RESPONSES: declared}


def rest_operation(method: Resource) -> Json:
    """Return a method of a REST API, a resource of its own, as an operation."""
    properties = method.properties
    integration = lower_first(properties.get("Integration") or {})
    responses = {}
    for each in integration.pop("integrationResponses", []):
        response = lower_first(each)
        responses[response.get("selectionPattern") or "default"] = response
        responses.setdefault(str(response.get("statusCode")), response)
    operation: Json = {INTEGRATION: integration and {**integration, "responses": responses}}
    if str(properties.get("ApiKeyRequired", False)).lower() == "true":
        operation["security"] = [{"api_key": []}]
    if properties.get("RequestValidatorId"):
        operation["x-amazon-apigateway-request-validator"] = properties["RequestValidatorId"]
    operation["x-amazon-apigateway-auth"] = {"type": properties.get("AuthorizationType", "NONE")}
    return operation


def rest_stages(api: Resource, of_type: OfType) -> list[Stage]:
    """Return the stages of a REST API, each once; a deployment may name one, too."""
    stages = []
    for each in _of(of_type("AWS::ApiGateway::Stage"), api):
        name = str(each.properties.get("StageName") or each.name)
        variables = each.properties.get("Variables") or {}
        deployment = str(each.properties.get("DeploymentId", ""))
        stages.append(Stage(name, variables, deployment, each.properties))
    for each in _of(of_type("AWS::ApiGateway::Deployment"), api):
        name = str(each.properties.get("StageName") or "")
        settings = each.properties.get("StageDescription") or {}
        if name and name not in {stage.name for stage in stages}:
            stages.append(Stage(name, settings.get("Variables") or {}, each.name, settings))
    return stages


def http_body(api: Resource, of_type: OfType) -> Json:
    """Return the definition of an HTTP API."""
    body = {**(api.properties.get("Body") or {})}
    paths = {path: {**methods} for path, methods in (body.get("paths") or {}).items()}
    if target := api.properties.get("Target"):  # "quick create": one route to one function
        key = str(api.properties.get("RouteKey") or "$default")
        _add_route(paths, key, {INTEGRATION: _quick(str(target))})
    integrations = {
        each.name: each for each in _of(of_type("AWS::ApiGatewayV2::Integration"), api, "ApiId")
    }
    for each in _of(of_type("AWS::ApiGatewayV2::Route"), api, "ApiId"):
        name = str(each.properties.get("Target", "")).removeprefix("integrations/")
        if name in integrations:  # else the route answers nothing, as one without a target
            operation = {INTEGRATION: http_integration(integrations[name])}
            _add_route(paths, str(each.properties["RouteKey"]), operation)
    cors = body.get("x-amazon-apigateway-cors") or {}
    configured = lower_first(api.properties.get("CorsConfiguration") or {})
    return {**body, "paths": paths, "x-amazon-apigateway-cors": configured or cors}


def http_integration(integration: Resource) -> Json:
    """Return an integration of an HTTP API, a resource of its own, as a part of an operation."""
    declared = lower_first(integration.properties)
    return {
        **declared,
        "type": declared.get("integrationType", ""),
        "uri": declared.get("integrationUri", ""),
    }


def http_stages(api: Resource, of_type: OfType) -> list[Stage]:
    """Return the stages of an HTTP API, the default one first; "quick create" makes that."""
    stages = [Stage("$default")] if api.properties.get("Target") else []
    for each in _of(of_type("AWS::ApiGatewayV2::Stage"), api, "ApiId"):
        name = str(each.properties.get("StageName") or each.name)
        variables = each.properties.get("StageVariables") or {}
        deployment = str(each.properties.get("DeploymentId", ""))
        stages.append(Stage(name, variables, deployment, each.properties))
    return sorted(stages, key=lambda each: each.name != "$default")


def _of(resources: list[Resource], api: Resource, member: str = "RestApiId") -> list[Resource]:
    return [each for each in resources if each.properties.get(member) == api.name]


def _path_of(resource_id: str, resources: Mapping[str, Resource]) -> str:
    """Return the path of a resource; an id that is none of them is the API's root."""
    parts: list[str] = []
    while each := resources.get(resource_id):
        parts.insert(0, str(each.properties["PathPart"]))
        resource_id = str(each.properties.get("ParentId", ""))
    return "/" + "/".join(parts)


def _method_of(method: Resource) -> str:
    name = str(method.properties.get("HttpMethod", ANY)).upper()
    return "x-amazon-apigateway-any-method" if name == ANY else name.lower()


def _add_route(paths: Json, key: str, operation: Json) -> None:
    method, _, path = key.rpartition(" ")
    is_any = method in {"", ANY}
    name = "x-amazon-apigateway-any-method" if is_any else method.lower()
    paths.setdefault(path, {})[name] = operation


def _quick(target: str) -> Json:
    kind = "aws_proxy" if target.startswith("arn:") else "http_proxy"
    return {"type": kind, "uri": target, "payloadFormatVersion": "2.0"}


def lower_first(properties: Mapping[str, Any]) -> Json:
    """Return properties of CloudFormation by their names in OpenAPI."""
    return {name[:1].lower() + name[1:]: value for name, value in properties.items()}
