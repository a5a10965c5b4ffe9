"""The proof of a release: the endpoint runs the new configuration and knows a dog when it sees one.

An endpoint whose model is broken still answers SageMaker's pings and becomes InService, and one
whose update failed is InService too, on its previous configuration. So: whose configuration is
live, and what does it say about a photo whose breed is known.
"""

import json
from typing import Any, Protocol

from botocore.exceptions import ClientError

from common.aws import code_of
from common.execution import PROVEN_TAG
from common.failure import SmokeTestFailed
from common.tags import as_list

__all__ = ["S3", "Runtime", "SageMaker", "read_photo", "smoke_test"]


class SageMaker(Protocol):
    """What is needed of boto3's `sagemaker` client."""

    def describe_endpoint(self, **request: Any) -> dict[str, Any]:
        """Describe the endpoint."""

    def describe_endpoint_config(self, **request: Any) -> dict[str, Any]:
        """Give the ARN that tags hang on."""

    def add_tags(self, **request: Any) -> dict[str, Any]:
        """Hang a tag on an ARN."""


class Runtime(Protocol):
    """What is needed of boto3's `sagemaker-runtime` client."""

    def invoke_endpoint(self, **request: Any) -> dict[str, Any]:
        """Ask the endpoint."""


class S3(Protocol):
    """What is needed of boto3's `s3` client."""

    def get_object(self, **request: Any) -> dict[str, Any]:
        """Read one object."""


def smoke_test(
    event: dict[str, Any],
    endpoint_name: str,
    bucket: str,
    *,
    sagemaker: SageMaker,
    runtime: Runtime,
    s3: S3,
) -> dict[str, Any]:
    """Demand a right answer from the new configuration.

    Parameters
    ----------
    event
        candidate (prefix, smoke_breed) and release (config_name): what the states before found.
    endpoint_name
        An endpoint that is InService.
    bucket
        Where the candidate's smoke photo lies.
    sagemaker, runtime, s3
        boto3's clients, or a test's.

    Returns
    -------
    dict
        breed, probability (0 to 1), model ("name@version").

    Raises
    ------
    SmokeTestFailed
        Another configuration is live, the model failed, or its answer is wrong.
    """
    expected_config = event["release"]["config_name"]
    live = sagemaker.describe_endpoint(EndpointName=endpoint_name)["EndpointConfigName"]
    if live != expected_config:
        raise SmokeTestFailed(
            f"The endpoint {endpoint_name} runs the configuration {live}, not {expected_config}: "
            "SageMaker gave up the update and went back; the log group "
            f"/aws/sagemaker/Endpoints/{endpoint_name} says why."
        )
    candidate = event["candidate"]
    verdict = _ask(runtime, endpoint_name, read_photo(s3, bucket, candidate["prefix"]))
    proof = _judge(verdict, candidate["smoke_breed"])
    # Whoever cleans up after a later failure sees that this configuration may stay.
    config = sagemaker.describe_endpoint_config(EndpointConfigName=expected_config)
    sagemaker.add_tags(ResourceArn=config["EndpointConfigArn"], Tags=as_list({PROVEN_TAG: "yes"}))
    return proof


def read_photo(s3: S3, bucket: str, prefix: str) -> bytes:
    """Read a package's own smoke photo."""
    photo: bytes = s3.get_object(Bucket=bucket, Key=f"{prefix}smoke.jpg")["Body"].read()
    return photo


def _ask(runtime: Runtime, endpoint_name: str, photo: bytes) -> Any:
    try:
        answer = runtime.invoke_endpoint(
            EndpointName=endpoint_name,
            ContentType="image/jpeg",
            Accept="application/json",
            Body=photo,
        )
    except ClientError as error:
        if code_of(error) != "ModelError":
            raise
        raise SmokeTestFailed(
            f"The endpoint {endpoint_name} is InService but failed on the smoke photo with status "
            f"{error.response.get('OriginalStatusCode')}: {error.response.get('OriginalMessage')}"
        ) from error
    body = answer["Body"].read()
    try:
        return json.loads(body)
    except ValueError as error:
        raise SmokeTestFailed(
            f"The endpoint {endpoint_name} answered {body[:80]!r} to the smoke photo, "
            "where JSON belongs."
        ) from error


def _judge(verdict: Any, expected: str) -> dict[str, Any]:
    try:
        model, is_dog, top = verdict["model"], verdict["is_dog"], verdict["breeds"][0]
        breed, probability = top["breed"], top["probability"]
    except (LookupError, TypeError) as error:
        raise SmokeTestFailed(
            "The endpoint's answer to the smoke photo has the wrong form: model, is_dog and "
            f"breeds belong in it, but it is {json.dumps(verdict)[:200]}."
        ) from error
    if is_dog is not True:
        raise SmokeTestFailed(f"{model} sees no dog in the smoke photo, which shows a {expected}.")
    if breed != expected:
        raise SmokeTestFailed(
            f"{model} takes the {expected} of the smoke photo for a {breed} ({probability:.2f})."
        )
    return {"breed": breed, "probability": probability, "model": model}
