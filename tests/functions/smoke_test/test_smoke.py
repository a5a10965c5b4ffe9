import io
import json
from typing import TYPE_CHECKING, Any, cast

import pytest
from botocore.exceptions import ClientError

from common.failures import SmokeTestFailed
from smoke_test.smoke import smoke_test

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client
    from types_boto3_sagemaker.client import SageMakerClient
    from types_boto3_sagemaker_runtime.client import SageMakerRuntimeClient

EVENT = {
    "candidate": {"prefix": "packages/0123456789abcdef0123/", "smoke_breed": "Bull Mastiff"},
    "release": {"config_name": "kennel-new"},
}
RIGHT = {
    "model": "kennel@1",
    "is_dog": True,
    "dog_score": 0.99,
    "breeds": [
        {"breed": "Bull Mastiff", "probability": 0.81},
        {"breed": "Boxer", "probability": 0.1},
    ],
    "took_ms": 7.1,
}


class FakeClients:
    """Fake clients of SageMaker, its runtime and S3 in one."""

    def __init__(self, live: str = "kennel-new", answer: object = RIGHT) -> None:
        self.live = live
        self.answer = answer
        self.requests: list[dict[str, Any]] = []
        self.tag_requests: list[dict[str, Any]] = []

    def describe_endpoint(self, **request: Any) -> dict[str, Any]:
        assert request == {"EndpointName": "kennel"}
        return {"EndpointConfigName": self.live, "EndpointStatus": "InService"}

    def describe_endpoint_config(self, **request: Any) -> dict[str, Any]:
        assert request == {"EndpointConfigName": "kennel-new"}
        return {"EndpointConfigArn": "arn:kennel-new"}

    def add_tags(self, **request: Any) -> dict[str, Any]:
        self.tag_requests.append(request)
        return {}

    def get_object(self, **request: Any) -> dict[str, Any]:
        assert request == {
            "Bucket": "kennel-bucket",
            "Key": "packages/0123456789abcdef0123/smoke.jpg",
        }
        return {"Body": io.BytesIO(b"a jpeg")}

    def invoke_endpoint(self, **request: Any) -> dict[str, Any]:
        self.requests.append(request)
        if isinstance(self.answer, ClientError):
            raise self.answer
        body = self.answer if isinstance(self.answer, bytes) else json.dumps(self.answer).encode()
        return {"Body": io.BytesIO(body)}


def run(fake: FakeClients) -> dict[str, Any]:
    return smoke_test(
        EVENT,
        "kennel",
        "kennel-bucket",
        sagemaker=cast("SageMakerClient", fake),
        runtime=cast("SageMakerRuntimeClient", fake),
        s3=cast("S3Client", fake),
    )


def test_right_answer_from_the_new_configuration() -> None:
    fake = FakeClients()
    assert run(fake) == {"breed": "Bull Mastiff", "probability": 0.81, "model": "kennel@1"}
    assert fake.requests == [
        {
            "EndpointName": "kennel",
            "ContentType": "image/jpeg",
            "Accept": "application/json",
            "Body": b"a jpeg",
        }
    ]


def test_update_that_sagemaker_rolled_back_silently() -> None:
    fake = FakeClients(live="kennel-old")
    with pytest.raises(SmokeTestFailed, match="runs the configuration kennel-old, not kennel-new"):
        run(fake)
    assert fake.requests == []


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({**RIGHT, "is_dog": False}, "kennel@1 sees no dog in the smoke photo"),
        (
            {**RIGHT, "breeds": [{"breed": "Pug", "probability": 0.4}]},
            r"recognises the Bull Mastiff of the smoke photo as a Pug \(0\.40\)",
        ),
        ({**RIGHT, "breeds": []}, "has the wrong form"),
        ({"error": "no model"}, "has the wrong form"),
        ([], "has the wrong form"),
        (b"<html>", "answered b'<html>' to the smoke photo, expected JSON"),
        (b"", "expected JSON"),
    ],
)
def test_wrong_answer(answer: object, words: str) -> None:
    with pytest.raises(SmokeTestFailed, match=words):
        run(FakeClients(answer=answer))


def test_model_that_fails_though_the_endpoint_is_in_service() -> None:
    response: Any = {  # botocore-stubs lacks the modelled fields
        "Error": {"Code": "ModelError", "Message": "Received server error (500)"},
        "OriginalStatusCode": 500,
        "OriginalMessage": '{"error": "the network is broken"}',
    }
    error = ClientError(response, "InvokeEndpoint")
    with pytest.raises(
        SmokeTestFailed, match=r"failed on the smoke photo with status 500: .*broken"
    ):
        run(FakeClients(answer=error))


def test_error_of_aws_is_not_wrapped() -> None:
    error = ClientError({"Error": {"Code": "AccessDeniedException"}}, "InvokeEndpoint")
    with pytest.raises(ClientError) as raised:
        run(FakeClients(answer=error))
    assert raised.value is error


def test_configuration_is_tagged_as_proven_only_after_a_right_answer() -> None:
    fake = FakeClients()
    assert run(fake) == run(fake)
    tag_request = {
        "ResourceArn": "arn:kennel-new",
        "Tags": [{"Key": "kennel:proven", "Value": "yes"}],
    }
    assert fake.tag_requests == [tag_request, tag_request]
    wrong = FakeClients(answer={**RIGHT, "is_dog": False})
    with pytest.raises(SmokeTestFailed):
        run(wrong)
    assert wrong.tag_requests == []
