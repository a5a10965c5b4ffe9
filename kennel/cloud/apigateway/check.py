"""Refuse features of an API that API Gateway supports and the offline cloud does not."""

from kennel.cloud.apigateway.access_log import check_format
from kennel.cloud.apigateway.definitions import (
    http_body,
    http_integration,
    rest_body,
    rest_operation,
)
from kennel.cloud.apigateway.operations import INTEGRATION, read_operation, read_operations
from kennel.cloud.cloudformation.template import Resource
from kennel.errors import CannotStart

_SERVED = {
    *("Api", "ApiKey", "Deployment", "GatewayResponse", "Integration", "Method", "Resource"),
    *("RestApi", "Route", "Stage", "UsagePlan", "UsagePlanKey"),
}
#: What changes nothing in how an API answers here.
_RECORDED = {"Account", "DocumentationPart", "DocumentationVersion", "Model", "RequestValidator"}


def check(resource: Resource) -> None:
    """Raise CannotStart for a resource of API Gateway that is not emulated; pass any other type."""
    service, _, kind = resource.type.rpartition("::")
    if service not in {"AWS::ApiGateway", "AWS::ApiGatewayV2"}:
        return
    if kind not in _SERVED | _RECORDED:
        raise CannotStart(
            f"{resource.logical_id} is of the type {resource.type}, which the offline cloud does "
            "not emulate: leave it out here, by a condition for example"
        )
    try:
        _check_properties(resource, kind)
    except CannotStart as error:
        raise CannotStart(f"{resource.logical_id}: {error}") from error


def _check_properties(resource: Resource, kind: str) -> None:
    properties = resource.properties
    if kind in {"RestApi", "Api"}:
        _check_api(resource, kind)
    if kind == "Stage" and (setting := properties.get("AccessLogSetting")):
        check_format(setting)
    if kind == "Method":
        method = str(properties.get("HttpMethod"))
        read_operation("its resource", method, rest_operation(resource), {})
    if kind == "Integration":
        operation = {INTEGRATION: http_integration(resource)}
        read_operation("its route", "the method of", operation, {})
    if kind == "Route" and str(properties.get("AuthorizationType", "NONE")) != "NONE":
        raise CannotStart(
            f"{properties['RouteKey']} has the authorizer {properties['AuthorizationType']}, "
            "which the offline cloud does not emulate"
        )


def _check_api(resource: Resource, kind: str) -> None:
    properties = resource.properties
    for name in ("BodyS3Location", "CloneFrom"):
        if name in properties:
            raise CannotStart(
                f"its definition is in {name}, which the offline cloud does not read: "
                "write it as the Body"
            )
    read_body = rest_body if kind == "RestApi" else http_body
    body = read_body(resource, lambda _: [])  # what is a resource of its own is checked alone
    if properties.get("ProtocolType", "HTTP") != "HTTP":
        raise CannotStart("it is a WebSocket API, which the offline cloud does not emulate")
    source = properties.get("ApiKeySourceType") or body.get("x-amazon-apigateway-api-key-source")
    if str(source or "HEADER").upper() != "HEADER":
        raise CannotStart(
            "its keys come from an authorizer, which the offline cloud does not emulate: "
            "they are read from the header x-api-key"
        )
    list(read_operations(body))
