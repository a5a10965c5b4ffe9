import json

import pytest

from kennel.cloud.apigateway.gateway_responses import DEFAULTS, GatewayResponses


@pytest.mark.parametrize("kind", DEFAULTS)
def test_without_a_template_it_is_api_gateways_own(kind: str) -> None:
    status, message, error_type = DEFAULTS[kind]
    response = GatewayResponses({}).make(kind, "id")
    assert response.status_code == status
    assert json.loads(bytes(response.body)) == {"message": message}
    assert response.headers["x-amzn-errortype"] == error_type


def test_the_template_changes_status_headers_and_body() -> None:
    declared = {
        "THROTTLED": {
            "statusCode": 429,
            "responseParameters": {"gatewayresponse.header.Retry-After": "'1'"},
            "responseTemplates": {"application/json": '{"why": $context.error.messageString}'},
        }
    }
    response = GatewayResponses(declared).make("THROTTLED", "id")
    assert response.headers["retry-after"] == "1"
    assert json.loads(bytes(response.body)) == {"why": "Too Many Requests"}


def test_a_default_response_covers_what_has_none_of_its_own() -> None:
    body = '{"kind": "$context.error.responseType", "id": "$context.requestId"}'
    declared = {"DEFAULT_4XX": {"responseTemplates": {"application/json": body}}}
    response = GatewayResponses(declared).make("INVALID_API_KEY", "7")
    assert response.status_code == 403
    assert json.loads(bytes(response.body)) == {"kind": "INVALID_API_KEY", "id": "7"}
