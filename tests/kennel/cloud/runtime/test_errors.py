"""Error answers, as botocore's own parsers read them."""

import pytest
from botocore.parsers import create_parser

from kennel.cloud.runtime.errors import (
    ServiceError,
    access_denied,
    error_response,
    not_implemented,
    protocol_of,
)


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
    ],
)
def test_boto3_reads_the_error_in_the_services_protocol(service: str, protocol: str) -> None:
    error = ServiceError("SomeException", "no <such> thing & more", 409)
    response = error_response(service, error)
    assert protocol_of(service) == protocol
    parsed = create_parser(protocol).parse(
        {
            "body": bytes(response.body),
            "headers": dict(response.headers),
            "status_code": response.status_code,
        },
        None,  # type: ignore[arg-type]  # an error has no shape
    )
    assert parsed["Error"]["Code"] == "SomeException"
    assert parsed["Error"]["Message"] == "no <such> thing & more"
    assert parsed["ResponseMetadata"]["HTTPStatusCode"] == 409


def test_a_service_of_several_protocols_answers_in_the_requests() -> None:
    form = "application/x-www-form-urlencoded; charset=utf-8"
    response = error_response("monitoring", ServiceError("A", "b"), form)
    assert response.media_type == "text/xml"
    assert error_response("sns", ServiceError("A", "b"), "text/plain").media_type == "text/xml"


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
