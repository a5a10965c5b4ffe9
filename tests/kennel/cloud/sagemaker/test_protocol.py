"""Call the emulator with an unchanged boto3 client: errors, and the life of an endpoint."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from kennel.cloud.cloud import Cloud
from kennel.cloud.runtime.clients import client
from kennel.demo import samples
from kennel.local_cloud import OFFLINE_IMAGE

ROLE = "arn:aws:iam::123456789012:role/bare-ModelRole"
ARN = "arn:aws:sagemaker:us-east-1:123456789012"


@pytest.fixture(scope="module")
def sagemaker(bare_cloud: Cloud) -> Any:
    return client("sagemaker", bare_cloud.url)


@pytest.fixture(scope="module")
def package(bare_cloud: Cloud) -> str:
    """Upload the pretrained package to the offline S3; return its URI."""
    file = bare_cloud.built["PublishBundleFunction"] / "bundle" / "model.tar.gz"
    bucket = bare_cloud.stack.outputs["BucketName"]
    client("s3", bare_cloud.url).upload_file(str(file), bucket, "packages/tried/model.tar.gz")
    return f"s3://{bucket}/packages/tried/model.tar.gz"


def error_of(call: Any, **parameters: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as raised:
        call(**parameters)
    error = raised.value.response["Error"]
    return error["Code"], error["Message"]


def make(sagemaker: Any, name: str, package: str, image: str = OFFLINE_IMAGE) -> None:
    container = {"Image": image, "ModelDataUrl": package}
    sagemaker.create_model(ModelName=name, PrimaryContainer=container, ExecutionRoleArn=ROLE)
    variant = {
        "VariantName": "AllTraffic",
        "ModelName": name,
        "InitialInstanceCount": 1,
        "InstanceType": "ml.c5.large",
    }
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])


def settle(sagemaker: Any, name: str) -> dict[str, Any]:
    for _ in range(300):
        described: dict[str, Any] = sagemaker.describe_endpoint(EndpointName=name)
        if described["EndpointStatus"] not in {"Creating", "Updating", "RollingBack"}:
            return described
        time.sleep(0.05)
    raise AssertionError(f"{name} is still {described['EndpointStatus']}")


@pytest.fixture(scope="module")
def endpoint(sagemaker: Any, package: str) -> Iterator[str]:
    make(sagemaker, "first", package)
    sagemaker.create_endpoint(EndpointName="tried", EndpointConfigName="first")
    assert settle(sagemaker, "tried")["EndpointStatus"] == "InService"
    yield "tried"
    sagemaker.delete_endpoint(EndpointName="tried")
    sagemaker.get_waiter("endpoint_deleted").wait(
        EndpointName="tried", WaiterConfig={"Delay": 0.1, "MaxAttempts": 600}
    )
    sagemaker.delete_endpoint_config(EndpointConfigName="first")
    sagemaker.delete_model(ModelName="first")


def test_a_missing_resource_is_named(sagemaker: Any) -> None:
    assert error_of(sagemaker.describe_endpoint, EndpointName="none") == (
        "ValidationException",
        f'Could not find endpoint "{ARN}:endpoint/none".',
    )
    assert error_of(sagemaker.describe_endpoint_config, EndpointConfigName="none") == (
        "ValidationException",
        f'Could not find endpoint configuration "{ARN}:endpoint-config/none".',
    )
    assert error_of(sagemaker.delete_model, ModelName="none") == (
        "ValidationException",
        f'Could not find model "{ARN}:model/none".',
    )


def test_a_missing_endpoint_cannot_be_invoked(bare_cloud: Cloud) -> None:
    runtime = client("sagemaker-runtime", bare_cloud.url)
    code, message = error_of(runtime.invoke_endpoint, EndpointName="none", Body=b"x")
    assert code == "ValidationError"
    assert message == "Endpoint none of account 123456789012 not found."


def test_a_malformed_request_is_refused_by_the_services_model(bare_cloud: Cloud) -> None:
    import boto3  # noqa: PLC0415 - with the client's own check off, so that the service's is met
    from botocore.config import Config  # noqa: PLC0415

    unchecked = boto3.client(
        "sagemaker",
        endpoint_url=bare_cloud.url,
        region_name="us-east-1",
        aws_access_key_id="kennel-operator",
        aws_secret_access_key="offline",
        config=Config(parameter_validation=False),
    )
    code, message = error_of(unchecked.create_endpoint, EndpointName="x")
    assert code == "ValidationException"
    assert message == (
        "1 validation error detected: Value null at 'endpointConfigName' failed to satisfy "
        "constraint: Member must not be null"
    )


def test_an_action_that_is_not_emulated_is_named(sagemaker: Any) -> None:
    code, message = error_of(sagemaker.list_images)
    assert code == "NotImplementedOffline"
    assert "sagemaker:ListImages" in message


def test_an_image_that_cannot_be_pulled_fails_the_endpoint(sagemaker: Any, package: str) -> None:
    make(sagemaker, "strange", package, image="public.example/other:1")
    sagemaker.create_endpoint(EndpointName="strange", EndpointConfigName="strange")
    described = settle(sagemaker, "strange")
    assert described["EndpointStatus"] == "Failed"
    assert "public.example/other:1" in described["FailureReason"]
    sagemaker.delete_endpoint(EndpointName="strange")


def test_a_broken_package_fails_the_endpoint_with_a_reason(
    bare_cloud: Cloud, sagemaker: Any
) -> None:
    bucket = bare_cloud.stack.outputs["BucketName"]
    client("s3", bare_cloud.url).put_object(
        Bucket=bucket, Key="packages/broken/model.tar.gz", Body=b"no archive"
    )
    make(sagemaker, "broken", f"s3://{bucket}/packages/broken/model.tar.gz")
    sagemaker.create_endpoint(EndpointName="broken", EndpointConfigName="broken")
    described = settle(sagemaker, "broken")
    assert described["EndpointStatus"] == "Failed"
    assert "not a readable tar.gz" in described["FailureReason"]
    sagemaker.delete_endpoint(EndpointName="broken")


def test_an_endpoint_answers_while_it_moves_to_a_new_configuration(
    bare_cloud: Cloud, sagemaker: Any, package: str, endpoint: str
) -> None:
    runtime = client("sagemaker-runtime", bare_cloud.url)
    photo = samples()[0].photo.read_bytes()
    answer = runtime.invoke_endpoint(EndpointName=endpoint, ContentType="image/jpeg", Body=photo)
    assert answer["InvokedProductionVariant"] == "AllTraffic"
    assert json.loads(answer["Body"].read())["is_dog"]

    twice = error_of(sagemaker.create_endpoint, EndpointName=endpoint, EndpointConfigName="first")
    assert twice[1] == f'Cannot create already existing endpoint "{ARN}:endpoint/{endpoint}".'

    make(sagemaker, "second", package)
    sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName="second")
    busy = error_of(sagemaker.update_endpoint, EndpointName=endpoint, EndpointConfigName="second")
    assert busy[1] == f'Cannot update in-progress endpoint "{ARN}:endpoint/{endpoint}".'
    during = runtime.invoke_endpoint(EndpointName=endpoint, ContentType="image/jpeg", Body=photo)
    assert json.loads(during["Body"].read())["is_dog"]  # the old instance answers
    assert settle(sagemaker, endpoint)["EndpointConfigName"] == "second"


def test_a_failed_update_leaves_the_old_configuration_serving(
    sagemaker: Any, package: str, endpoint: str
) -> None:
    before = sagemaker.describe_endpoint(EndpointName=endpoint)["EndpointConfigName"]
    make(sagemaker, "bad", package, image="no/image:1")
    sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName="bad")
    described = settle(sagemaker, endpoint)
    assert described["EndpointStatus"] == "InService"
    assert described["EndpointConfigName"] == before


def test_a_models_error_keeps_its_status_and_message(bare_cloud: Cloud, endpoint: str) -> None:
    runtime = client("sagemaker-runtime", bare_cloud.url)
    with pytest.raises(ClientError) as raised:
        runtime.invoke_endpoint(EndpointName=endpoint, ContentType="text/plain", Body=b"x")
    response: Any = raised.value.response
    assert response["Error"]["Code"] == "ModelError"
    assert response["OriginalStatusCode"] == 415
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 424
