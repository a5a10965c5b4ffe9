import io
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from common.failure import SmokeTestFailed
from smoke_test.smoke import smoke_test

EVENT = {
    "candidate": {"prefix": "code/0123456789abcdef0123/", "smoke_breed": "Bull Mastiff"},
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


class Cloud:
    """An endpoint, its runtime and a bucket with the smoke photo."""

    def __init__(self, live: str = "kennel-new", answer: object = RIGHT) -> None:
        self.live = live
        self.answer = answer
        self.asked: list[dict[str, Any]] = []
        self.tagged: list[dict[str, Any]] = []

    def describe_endpoint(self, **request: Any) -> dict[str, Any]:
        assert request == {"EndpointName": "kennel"}
        return {"EndpointConfigName": self.live, "EndpointStatus": "InService"}

    def describe_endpoint_config(self, **request: Any) -> dict[str, Any]:
        assert request == {"EndpointConfigName": "kennel-new"}
        return {"EndpointConfigArn": "arn:kennel-new"}

    def add_tags(self, **request: Any) -> dict[str, Any]:
        self.tagged.append(request)
        return {}

    def get_object(self, **request: Any) -> dict[str, Any]:
        assert request == {"Bucket": "kennel-bucket", "Key": "code/0123456789abcdef0123/smoke.jpg"}
        return {"Body": io.BytesIO(b"a jpeg")}

    def invoke_endpoint(self, **request: Any) -> dict[str, Any]:
        self.asked.append(request)
        if isinstance(self.answer, ClientError):
            raise self.answer
        body = self.answer if isinstance(self.answer, bytes) else json.dumps(self.answer).encode()
        return {"Body": io.BytesIO(body)}


def run(cloud: Cloud) -> dict[str, Any]:
    return smoke_test(EVENT, "kennel", "kennel-bucket", sagemaker=cloud, runtime=cloud, s3=cloud)


def test_right_answer_from_the_new_configuration() -> None:
    cloud = Cloud()
    assert run(cloud) == {"breed": "Bull Mastiff", "probability": 0.81, "model": "kennel@1"}
    assert cloud.asked == [
        {
            "EndpointName": "kennel",
            "ContentType": "image/jpeg",
            "Accept": "application/json",
            "Body": b"a jpeg",
        }
    ]


def test_update_that_sagemaker_rolled_back_in_silence() -> None:
    cloud = Cloud(live="kennel-old")
    with pytest.raises(SmokeTestFailed, match="runs the configuration kennel-old, not kennel-new"):
        run(cloud)
    assert cloud.asked == []


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({**RIGHT, "is_dog": False}, "kennel@1 sees no dog in the smoke photo"),
        (
            {**RIGHT, "breeds": [{"breed": "Pug", "probability": 0.4}]},
            r"takes the Bull Mastiff of the smoke photo for a Pug \(0\.40\)",
        ),
        ({**RIGHT, "breeds": []}, "has the wrong form"),
        ({"error": "no model"}, "has the wrong form"),
        ([], "has the wrong form"),
        (b"<html>", "answered b'<html>' to the smoke photo, where JSON belongs"),
        (b"", "where JSON belongs"),
    ],
)
def test_wrong_answer(answer: object, words: str) -> None:
    with pytest.raises(SmokeTestFailed, match=words):
        run(Cloud(answer=answer))


def test_model_that_fails_though_the_endpoint_is_in_service() -> None:
    error = ClientError(
        {
            "Error": {"Code": "ModelError", "Message": "Received server error (500)"},
            "OriginalStatusCode": 500,
            "OriginalMessage": '{"error": "the network is broken"}',
        },
        "InvokeEndpoint",
    )
    with pytest.raises(
        SmokeTestFailed, match=r"failed on the smoke photo with status 500: .*broken"
    ):
        run(Cloud(answer=error))


def test_what_aws_refuses_stays_its_own_error() -> None:
    refusal = ClientError({"Error": {"Code": "AccessDeniedException"}}, "InvokeEndpoint")
    with pytest.raises(ClientError) as raised:
        run(Cloud(answer=refusal))
    assert raised.value is refusal


def test_proof_hangs_on_the_configuration_and_only_then() -> None:
    cloud = Cloud()
    assert run(cloud) == run(cloud)
    proven = {
        "ResourceArn": "arn:kennel-new",
        "Tags": [{"Key": "kennel:proven", "Value": "yes"}],
    }
    assert cloud.tagged == [proven, proven]
    wrong = Cloud(answer={**RIGHT, "is_dog": False})
    with pytest.raises(SmokeTestFailed):
        run(wrong)
    assert wrong.tagged == []
