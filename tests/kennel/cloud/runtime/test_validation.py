import json
from typing import Any

import pytest

from kennel.cloud.runtime.json_text import AsciiJson, read_json, read_parameters
from kennel.cloud.runtime.service_models import models_of, service_model
from kennel.cloud.runtime.validation import broken_constraints, wrong_type


def shape(service: str, operation: str) -> Any:
    return service_model(service).operation_model(operation).input_shape


@pytest.mark.parametrize(
    "parameters",
    [
        {"Namespace": 5},
        {"Namespace": ["x"]},
        {"MetricData": {}},
        {"MetricData": [5]},
        {"MetricData": [None]},
        {"MetricData": [{"MetricName": "m", "Value": True}]},
        {"MetricData": [{"MetricName": "m", "Timestamp": "junk"}]},
        {"MetricData": [{"MetricName": "m", "Timestamp": 1e18}]},
        {"MetricData": [{"MetricName": "m", "Dimensions": [{"Name": {}}]}]},
    ],
)
def test_a_value_of_another_type_is_named(parameters: dict[str, Any]) -> None:
    message = wrong_type(shape("cloudwatch", "PutMetricData"), parameters)
    assert message.startswith(f"Invalid type for parameter {next(iter(parameters))}")


@pytest.mark.parametrize(
    ("service", "operation", "parameters"),
    [
        (
            *("cloudwatch", "PutMetricData"),
            {"MetricData": [{"MetricName": "m", "Value": 5, "Timestamp": 1.7e9, "Unknown": 1}]},
        ),
        ("cloudwatch", "GetMetricData", {"StartTime": "2026-01-01T00:00:00Z"}),
        ("dynamodb", "PutItem", {"Item": {"a": {"L": [{"M": {"b": {"B": "eA=="}}}]}}}),
        ("kms", "Encrypt", {"Plaintext": "eA==", "EncryptionContext": {"a": "b"}}),
    ],
)
def test_values_of_the_right_types_and_unknown_members_pass(
    service: str, operation: str, parameters: dict[str, Any]
) -> None:
    assert wrong_type(shape(service, operation), parameters) == ""


def test_a_missing_member_breaks_a_constraint() -> None:
    message = broken_constraints(shape("cloudwatch", "GetMetricData"), {})
    assert "Value null at 'metricDataQueries'" in message


@pytest.mark.parametrize("text", [b"", b"{", b"NaN", b"[" * 100_000, b"\xff", b"1" * 5000])
def test_what_is_no_json_is_a_value_error(text: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_json(text)


def test_nulls_are_left_out_of_parameters() -> None:
    text = b'{"a": null, "b": {"c": null, "d": [{"e": null}]}}'
    assert read_parameters(text) == {"b": {"d": [{}]}}
    assert read_parameters(b"") == {}
    with pytest.raises(ValueError, match="no JSON object"):
        read_parameters(b"[]")


def test_half_a_character_can_be_answered() -> None:
    half = json.loads('"\\ud800"')
    assert bytes(AsciiJson({"a": half}).body) == b'{"a":"\\ud800"}'


@pytest.mark.parametrize(
    ("service", "first", "others"),
    [
        ("rds", "rds", {"docdb", "neptune"}),
        ("elasticloadbalancing", "elb", {"elbv2"}),
        ("monitoring", "cloudwatch", set()),
        ("dynamodb", "dynamodb", {"dynamodbstreams"}),
        ("docdb", "docdb", set()),
    ],
)
def test_a_signing_name_stands_for_several_services(
    service: str, first: str, others: set[str]
) -> None:
    name, *more = models_of(service)
    assert name == first
    assert others <= set(more)


@pytest.mark.parametrize("service", ["", "nothing", "..", "S3", "a" * 5000])
def test_a_service_that_botocore_lacks_has_no_model(service: str) -> None:
    assert models_of(service) == ()
