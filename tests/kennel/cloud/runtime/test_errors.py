"""Error answers, as botocore's own parsers read them."""

from typing import Any

import pytest
from botocore.awsrequest import HeadersDict
from botocore.parsers import create_parser
from starlette.responses import Response

from kennel.cloud.runtime.errors import (
    ServiceError,
    access_denied,
    error_response,
    not_implemented,
    protocol_of,
)


def read_error(protocol: str, response: Response) -> dict[str, str]:
    parsed: Any = create_parser(protocol).parse(
        {
            "body": bytes(response.body),
            "headers": HeadersDict(response.headers),
            "status_code": response.status_code,
        },
        None,  # type: ignore[arg-type]  # an error has no shape
    )
    error: dict[str, str] = parsed["Error"]
    return error


@pytest.mark.parametrize(
    ("service", "protocol"),
    [
        ("s3", "rest-xml"),
        ("ec2", "ec2"),
        ("sns", "query"),
        ("iam", "query"),
        ("cloudformation", "query"),
        ("lambda", "rest-json"),
        ("scheduler", "rest-json"),
        ("sagemaker", "json"),
        ("states", "json"),
        ("monitoring", "json"),
        ("cloudfront", "rest-xml"),
        ("eventbridgev2", "smithy-rpc-v2-cbor"),
    ],
)
def test_boto3_reads_the_error_in_the_services_protocol(service: str, protocol: str) -> None:
    error = ServiceError("SomeException", "no <such> thing & more", 409)
    response = error_response(service, error)
    assert protocol_of(service) == protocol
    assert response.status_code == 409
    parsed = read_error(protocol, response)
    assert parsed["Code"] == "SomeException"
    assert parsed["Message"] == "no <such> thing & more"


def test_a_service_of_several_protocols_answers_in_the_requests() -> None:
    form = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}
    text = {"content-type": "text/plain"}
    assert error_response("monitoring", ServiceError("A", "b"), form).media_type == "text/xml"
    assert error_response("sns", ServiceError("A", "b"), text).media_type == "text/xml"


@pytest.mark.parametrize(
    ("service", "headers", "path", "protocol"),
    [
        ("elasticloadbalancing", {}, "/", "query"),  # no model has this name
        ("ses", {}, "/v2/email/identities", "rest-json"),  # SES's second API
        ("ses", {}, "/", "query"),
        ("nothing", {}, "/", "json"),
        ("nothing", {"content-type": "application/x-www-form-urlencoded"}, "/", "query"),
        ("nothing", {"x-amz-target": "A.B"}, "/", "json"),
        ("monitoring", {"smithy-protocol": "rpc-v2-cbor"}, "/", "smithy-rpc-v2-cbor"),
    ],
)
def test_services_of_one_signing_name_are_distinguished_by_the_request(
    service: str, headers: dict[str, str], path: str, protocol: str
) -> None:
    assert protocol_of(service, headers, path) == protocol


def test_an_error_may_repeat_whatever_a_client_sent() -> None:
    error = ServiceError("SomeException", "half a character \ud800, \x00 and \x1b")
    for service in ("sagemaker", "lambda", "s3", "iam", "ec2"):
        response = error_response(service, error)
        assert read_error(protocol_of(service), response)["Code"] == "SomeException"


def test_a_service_that_is_not_known_gets_json() -> None:
    response = error_response("nothing", not_implemented("not here"))
    assert response.status_code == 501
    assert response.headers["x-amzn-errortype"] == "NotImplementedOffline"


def test_details_are_members_of_the_error() -> None:
    error = ServiceError("ModelError", "words", 424, {"OriginalStatusCode": 500})
    assert b'"OriginalStatusCode":500' in bytes(error_response("sagemaker", error).body)


@pytest.mark.parametrize(
    ("service", "code", "status"),
    [
        ("s3", "AccessDenied", 403),
        ("ec2", "UnauthorizedOperation", 403),
        ("sns", "AuthorizationError", 403),
        ("sts", "AccessDenied", 403),
        ("lambda", "AccessDeniedException", 403),
        ("states", "AccessDeniedException", 400),
        ("sagemaker", "AccessDeniedException", 400),
    ],
)
def test_each_service_denies_in_its_own_words(service: str, code: str, status: int) -> None:
    error = access_denied(service, "no")
    assert (error.code, error.status) == (code, status)
