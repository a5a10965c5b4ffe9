"""Verify a release: the new configuration is live and recognises the breed of a known photo.

An endpoint whose model is broken still answers SageMaker's pings and becomes InService, and an
endpoint whose update failed is InService on its previous configuration.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from common.aws import error_code
from common.execution import PROVEN_TAG
from common.failures import SmokeTestFailed
from common.tags import as_list

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client
    from types_boto3_sagemaker.client import SageMakerClient
    from types_boto3_sagemaker_runtime.client import SageMakerRuntimeClient

__all__ = ["read_photo", "smoke_test"]


def smoke_test(
    event: dict[str, Any],
    endpoint_name: str,
    bucket: str,
    *,
    sagemaker: SageMakerClient,
    runtime: SageMakerRuntimeClient,
    s3: S3Client,
) -> dict[str, Any]:
    """Verify that the new configuration is live and answers rightly; tag it as proven.

    Parameters
    ----------
    event
        candidate (prefix, smoke_breed) and release (config_name).
    endpoint_name
        An endpoint that is InService.
    bucket
        The stack's bucket, with the candidate's smoke photo.
    sagemaker, runtime, s3
        boto3's clients.

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
            "SageMaker rolled the update back; the log group "
            f"/aws/sagemaker/Endpoints/{endpoint_name} says why."
        )
    candidate = event["candidate"]
    verdict = _invoke(runtime, endpoint_name, read_photo(s3, bucket, candidate["prefix"]))
    answer = _check(verdict, candidate["smoke_breed"])
    # CleanUp keeps a proven configuration after a later failure.
    config = sagemaker.describe_endpoint_config(EndpointConfigName=expected_config)
    sagemaker.add_tags(ResourceArn=config["EndpointConfigArn"], Tags=as_list({PROVEN_TAG: "yes"}))
    return answer


def read_photo(s3: S3Client, bucket: str, prefix: str) -> bytes:
    """Read a package's own smoke photo."""
    photo: bytes = s3.get_object(Bucket=bucket, Key=f"{prefix}smoke.jpg")["Body"].read()
    return photo


def _invoke(runtime: SageMakerRuntimeClient, endpoint_name: str, photo: bytes) -> Any:
    try:
        response = runtime.invoke_endpoint(
            EndpointName=endpoint_name,
            ContentType="image/jpeg",
            Accept="application/json",
            Body=photo,
        )
    except ClientError as error:
        if error_code(error) != "ModelError":
            raise
        raise SmokeTestFailed(
            f"The endpoint {endpoint_name} is InService but failed on the smoke photo with status "
            f"{error.response.get('OriginalStatusCode')}: {error.response.get('OriginalMessage')}"
        ) from error
    body = response["Body"].read()
    try:
        return json.loads(body)
    except ValueError as error:
        raise SmokeTestFailed(
            f"The endpoint {endpoint_name} answered {body[:80]!r} to the smoke photo, "
            "expected JSON."
        ) from error


def _check(verdict: Any, expected: str) -> dict[str, Any]:
    try:
        model, is_dog, top = verdict["model"], verdict["is_dog"], verdict["breeds"][0]
        breed, probability = top["breed"], top["probability"]
    except (LookupError, TypeError) as error:
        raise SmokeTestFailed(
            "The endpoint's answer to the smoke photo has the wrong form: expected model, "
            f"is_dog and breeds, received {json.dumps(verdict)[:200]}."
        ) from error
    if is_dog is not True:
        raise SmokeTestFailed(f"{model} sees no dog in the smoke photo, which shows a {expected}.")
    if breed != expected:
        raise SmokeTestFailed(
            f"{model} recognises the {expected} of the smoke photo as a {breed} "
            f"({probability:.2f})."
        )
    return {"breed": breed, "probability": probability, "model": model}
