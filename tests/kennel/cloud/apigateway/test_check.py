"""What of API Gateway is refused, and by which name."""

from typing import Any

import pytest

from kennel.cloud.apigateway.check import check
from kennel.cloud.cloudformation.template import Resource
from kennel.errors import CannotStart

FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:f"
URI = f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{FUNCTION}/invocations"
PROXY = {"type": "aws_proxy", "uri": URI}


def resource(kind: str, **properties: Any) -> Resource:
    return Resource("It", f"AWS::{kind}", "it", "it", properties)


def body(integration: Any = PROXY, schemes: Any = None, **operation: Any) -> Resource:
    get = {"x-amazon-apigateway-integration": integration, **operation}
    paths = {"/x": {"get": get}}
    return resource(
        "ApiGateway::RestApi", Body={"paths": paths, "securityDefinitions": schemes or {}}
    )


AUTHORIZER = {
    "type": "apiKey",
    "name": "Authorization",
    "in": "header",
    "x-amazon-apigateway-authtype": "cognito_user_pools",
}


@pytest.mark.parametrize(
    ("refused", "named"),
    [
        (body({"type": "http_proxy", "uri": "https://a.example"}), r"HTTP_PROXY with https://a"),
        (body({"type": "aws", "uri": URI}), "GET /x has an integration of type AWS with"),
        (body({"type": "aws_proxy", "integrationSubtype": "SQS-SendMessage"}), "AWS_PROXY"),
        (body(None), "no integration"),
        (body(security=[{"Pool": []}], schemes={"Pool": AUTHORIZER}), "the authorizer Pool"),
        (body(security=[{"AWS_IAM": []}]), "the authorizer AWS_IAM"),
        (body(**{"x-amazon-apigateway-auth": {"type": "AWS_IAM"}}), "the authorizer AWS_IAM"),
        (body(**{"x-amazon-apigateway-request-validator": "basic"}), "request validator"),
        (
            body(
                {
                    "type": "mock",
                    "responses": {
                        "default": {
                            "statusCode": 200,
                            "responseTemplates": {"application/json": "$input.path('$')"},
                        }
                    },
                }
            ),
            "mapping template",
        ),
        (resource("ApiGateway::RestApi", ApiKeySourceType="AUTHORIZER"), "come from an authorizer"),
        (resource("ApiGateway::RestApi", BodyS3Location={"Bucket": "b"}), "BodyS3Location"),
        (resource("ApiGateway::Authorizer", Type="TOKEN"), "AWS::ApiGateway::Authorizer"),
        (resource("ApiGateway::DomainName"), "AWS::ApiGateway::DomainName"),
        (
            resource("ApiGateway::Method", HttpMethod="GET", AuthorizationType="AWS_IAM"),
            "the authorizer AWS_IAM",
        ),
        (
            resource("ApiGateway::Method", HttpMethod="GET", Integration={"Type": "HTTP"}),
            "integration of type HTTP",
        ),
        (resource("ApiGatewayV2::Api", ProtocolType="WEBSOCKET"), "WebSocket"),
        (resource("ApiGatewayV2::Api", Target="https://a.example", ProtocolType="HTTP"), "HTTP_"),
        (resource("ApiGatewayV2::Authorizer"), "AWS::ApiGatewayV2::Authorizer"),
        (resource("ApiGatewayV2::Integration", IntegrationType="HTTP_PROXY"), "HTTP_PROXY"),
        (
            resource("ApiGatewayV2::Route", RouteKey="GET /x", AuthorizationType="JWT"),
            "GET /x has the authorizer JWT",
        ),
    ],
)
def test_what_is_not_emulated_is_refused_by_name(refused: Resource, named: str) -> None:
    with pytest.raises(CannotStart, match=named) as raised:
        check(refused)
    assert str(raised.value).startswith("It")


@pytest.mark.parametrize(
    "served",
    [
        body(),
        body(security=[{"api_key": []}]),
        body(schemes={"Unused": AUTHORIZER}),
        resource(
            "ApiGateway::Method", HttpMethod="GET", Integration={"Type": "AWS_PROXY", "Uri": URI}
        ),
        resource("ApiGateway::Account"),
        resource("ApiGatewayV2::Integration", IntegrationType="AWS_PROXY", IntegrationUri=FUNCTION),
        resource("ApiGatewayV2::Api", Name="web", ProtocolType="HTTP", Target=FUNCTION),
        resource("SNS::Topic"),
    ],
)
def test_supported_resources_pass_the_check(served: Resource) -> None:
    check(served)
