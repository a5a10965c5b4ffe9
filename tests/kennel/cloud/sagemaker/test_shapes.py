"""Check answers against the service's shapes; tests/cloud checks requests."""

import pytest

from kennel.cloud.runtime.errors import ServiceError
from kennel.cloud.sagemaker.shapes import MalformedAnswer, check_request, check_response

ARN = "arn:aws:sagemaker:us-east-1:123456789012:model/x"


@pytest.mark.parametrize(
    ("action", "answer", "words"),
    [
        ("CreateModel", {}, "modelArn"),
        ("CreateModel", {"ModelArn": ARN, "Extra": 1}, "Extra"),
        ("DescribeEndpoint", {"EndpointStatus": "Fine"}, "enum value set"),
        ("DeleteModel", {"ModelArn": ARN}, "answers nothing"),
    ],
)
def test_a_malformed_answer_is_a_bug(action: str, answer: dict[str, object], words: str) -> None:
    with pytest.raises(MalformedAnswer, match=words):
        check_response(action, answer)


def test_a_well_formed_answer_passes() -> None:
    check_response("CreateModel", {"ModelArn": ARN})
    check_response("DeleteModel", {})


def test_a_pattern_that_python_cannot_read_is_not_checked() -> None:
    tags = [{"Key": "größe", "Value": "\N{DOG FACE}"}]
    check_request("AddTags", {"ResourceArn": ARN, "Tags": tags})


def test_keys_and_values_of_a_map_are_checked() -> None:
    request = {
        "TrainingJobName": "x",
        "RoleArn": "arn:aws:iam::123456789012:role/x",
        "OutputDataConfig": {"S3OutputPath": "s3://b"},
        "HyperParameters": {"k" * 257: "v" * 2501},
    }
    with pytest.raises(ServiceError, match="2 validation errors detected") as raised:
        check_request("CreateTrainingJob", request)
    assert "'hyperParameters.key'" in str(raised.value)
    assert f"'hyperParameters.{'k' * 257}.member'" in str(raised.value)
