"""A container's image is pulled with a role: only what its policies name starts.

The roles are those of template.yaml, by the parameters that name images.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from kennel.cloud.cloud import Cloud
from kennel.cloud.iam.identity import Identities
from kennel.cloud.iam.permissions import Authorizer
from kennel.cloud.iam.policy import read_role
from kennel.cloud.runtime.clients import client
from kennel.cloud.sagemaker.account import Account
from kennel.cloud.sagemaker.image_pulls import CannotPull, pulls_checked_by
from tests.iam.roles import read
from tests.kennel.cloud.sagemaker.conftest import WAIT_SECONDS
from tests.stack import TEMPLATE

AWS = "763104351884.dkr.ecr.us-east-1.amazonaws.com"
OWN = "123456789012.dkr.ecr.us-east-1.amazonaws.com"
OTHER = "111111111111.dkr.ecr.us-east-1.amazonaws.com"
PYTORCH, RAY = f"{AWS}/pytorch:2.14-cpu-amzn2023-sagemaker", f"{AWS}/ray:serve-ml-sagemaker-cpu-v1"
ROLE = "arn:aws:iam::123456789012:role/kennel"
NO_POLICY: dict[str, Any] = {"Policies": []}


def refusal(image: str, properties: Mapping[str, Any]) -> str:
    """Return why a role with these properties may not pull an image; "" if it may."""
    role = replace(read_role("kennel", properties), arn=ROLE)
    account = Account("http://127.0.0.1:1", {ROLE: "key"}.get)
    check = pulls_checked_by(Authorizer(Identities({"key": role})), account)

    async def reason() -> str:
        try:
            await check(image, ROLE)
        except CannotPull as error:
            return str(error)
        return ""

    return asyncio.run(reason())


@pytest.mark.parametrize(
    ("role", "parameters", "image"),
    [
        ("TrainingRole", {}, PYTORCH),
        ("TrainingRole", {"TrainingImage": f"{OTHER}/dogs:1"}, f"{OTHER}/dogs:1"),
        ("TrainingRole", {"TrainingImage": f"{OWN}/a/b:1"}, f"{OWN}/a/b@sha256:{'0' * 64}"),
        ("ModelRole", {}, f"{OWN}/kennel/serving:0123456789abcdef0123"),
        ("ModelRole", {"ServingHost": "ray"}, RAY),
        ("ModelRole", {"ServingImage": f"{OTHER}/dogs:1"}, f"{OTHER}/dogs:1"),
        ("ModelRole", {"ServingImage": f"{OTHER}/dogs:1"}, RAY),  # what served before an update
    ],
)
def test_the_templates_roles_may_pull_the_images_of_its_parameters(
    role: str, parameters: dict[str, str], image: str
) -> None:
    assert refusal(image, read(TEMPLATE, parameters).properties[role]) == ""


@pytest.mark.parametrize(
    ("role", "image"),
    [
        ("TrainingRole", f"{AWS}/pytorch-training:2.6.0-cpu-py312"),
        ("TrainingRole", f"{OWN}/pytorch:2.14-cpu-amzn2023-sagemaker"),
        ("TrainingRole", RAY),
        ("ModelRole", PYTORCH),
        ("ModelRole", RAY.replace("us-east-1", "eu-west-1")),
        ("ModelRole", f"{OWN}/kennel/other:1"),
    ],
)
def test_another_image_is_refused_with_the_role_and_the_image(role: str, image: str) -> None:
    assert refusal(image, read(TEMPLATE, {}).properties[role]) == (
        f"The role '{ROLE}' does not have BatchGetImage permission for the image: '{image}'."
    )


def without(action: str) -> dict[str, Any]:
    """Return a role that may all of ECR but one action."""
    statement = {"Effect": "Allow", "NotAction": action, "Resource": "*"}
    return {"Policies": [{"PolicyDocument": {"Statement": [statement]}}]}


@pytest.mark.parametrize(
    "action",
    [
        *("BatchGetImage", "GetDownloadUrlForLayer", "BatchCheckLayerAvailability"),
        "GetAuthorizationToken",
    ],
)
def test_each_call_of_a_pull_is_required(action: str) -> None:
    assert f"does not have {action} permission" in refusal(PYTORCH, without(f"ecr:{action}"))


def test_only_an_image_in_ecr_is_pulled_with_a_role() -> None:
    assert refusal("kennel/serving:offline", NO_POLICY) == ""
    china = f"{OTHER}/dogs:1".replace("us-east-1.amazonaws.com", "cn-north-1.amazonaws.com.cn")
    assert "BatchGetImage" in refusal(china, NO_POLICY)


# ------------------------------------------------------------------ in the whole cloud


def ended(describe: Callable[[], Mapping[str, Any]], status: str) -> Mapping[str, Any]:
    """Return the description of a job or an endpoint that has ended or serves."""
    end = time.monotonic() + WAIT_SECONDS
    while True:
        description = describe()
        if description[status] not in {"Creating", "InProgress"}:
            return description
        assert time.monotonic() < end, f"still {description}"
        time.sleep(0.05)


@pytest.fixture
def roles(bare_cloud: Cloud) -> dict[str, str]:
    return {each.logical_id: each.arn for each in bare_cloud.stack.of_type("AWS::IAM::Role")}


def endpoint_of(cloud: Cloud, role: str, image: str) -> Mapping[str, Any]:
    """Create an endpoint of the pretrained model with this image; delete it once it has started."""
    sagemaker, bucket = client("sagemaker", cloud.url), cloud.stack.outputs["BucketName"]
    file = cloud.built["PublishBundleFunction"] / "bundle" / "model.tar.gz"
    client("s3", cloud.url).upload_file(str(file), bucket, "packages/pulled/model.tar.gz")
    package = f"s3://{bucket}/packages/pulled/model.tar.gz"
    sagemaker.create_model(
        ModelName="pulled",
        ExecutionRoleArn=role,
        PrimaryContainer={"Image": image, "ModelDataUrl": package},
    )
    variant = {"VariantName": "A", "ModelName": "pulled", "InitialInstanceCount": 1}
    sagemaker.create_endpoint_config(
        EndpointConfigName="pulled",
        ProductionVariants=[{**variant, "InstanceType": "ml.c5.large"}],
    )
    sagemaker.create_endpoint(EndpointName="pulled", EndpointConfigName="pulled")
    description = ended(
        lambda: sagemaker.describe_endpoint(EndpointName="pulled"), "EndpointStatus"
    )
    sagemaker.delete_endpoint(EndpointName="pulled")
    sagemaker.get_waiter("endpoint_deleted").wait(
        EndpointName="pulled", WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )
    sagemaker.delete_endpoint_config(EndpointConfigName="pulled")
    sagemaker.delete_model(ModelName="pulled")
    return description


@pytest.mark.slow
def test_an_endpoint_starts_with_what_its_models_role_may_pull(
    bare_cloud: Cloud, roles: dict[str, str]
) -> None:
    description = endpoint_of(bare_cloud, roles["ModelRole"], RAY)
    assert description["EndpointStatus"] == "InService", description.get("FailureReason")


def test_an_endpoint_without_the_permission_fails(bare_cloud: Cloud, roles: dict[str, str]) -> None:
    image = f"{AWS}/pytorch-inference:2.5-cpu-py311"
    description = endpoint_of(bare_cloud, roles["ModelRole"], image)
    assert (description["EndpointStatus"], description["FailureReason"]) == (
        "Failed",
        f"The role '{roles['ModelRole']}' does not have BatchGetImage permission for the image: "
        f"'{image}'.",
    )


def test_a_training_job_without_the_permission_fails(
    bare_cloud: Cloud, roles: dict[str, str]
) -> None:
    sagemaker, bucket = client("sagemaker", bare_cloud.url), bare_cloud.stack.outputs["BucketName"]
    image = f"{AWS}/pytorch-training:2.6.0-cpu-py312"
    sagemaker.create_training_job(
        TrainingJobName="k-not-pulled",
        RoleArn=roles["TrainingRole"],
        AlgorithmSpecification={"TrainingImage": image, "TrainingInputMode": "File"},
        OutputDataConfig={"S3OutputPath": f"s3://{bucket}/models"},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 10},
        StoppingCondition={"MaxRuntimeInSeconds": 3600},
    )
    description = ended(
        lambda: sagemaker.describe_training_job(TrainingJobName="k-not-pulled"), "TrainingJobStatus"
    )
    assert description["TrainingJobStatus"] == "Failed"
    assert description["FailureReason"] == (
        "ClientError: Cannot pull algorithm container. Either the image does not exist or its "
        f"permissions are incorrect. The role '{roles['TrainingRole']}' does not have "
        f"BatchGetImage permission for the image: '{image}'."
    )


def test_a_transform_job_without_the_permission_fails(
    bare_cloud: Cloud, roles: dict[str, str]
) -> None:
    sagemaker, bucket = client("sagemaker", bare_cloud.url), bare_cloud.stack.outputs["BucketName"]
    client("s3", bare_cloud.url).put_object(Bucket=bucket, Key="batch/pulls/dog.jpg", Body=b"")
    image = f"{AWS}/pytorch-inference:2.5-cpu-py311"
    sagemaker.create_model(
        ModelName="not-pulled",
        ExecutionRoleArn=roles["ModelRole"],
        PrimaryContainer={"Image": image},
    )
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{bucket}/batch/pulls/"}
    sagemaker.create_transform_job(
        TransformJobName="not-pulled",
        ModelName="not-pulled",
        TransformInput={"DataSource": {"S3DataSource": source}},
        TransformOutput={"S3OutputPath": f"s3://{bucket}/answers/not-pulled"},
        TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 1},
    )
    description = ended(
        lambda: sagemaker.describe_transform_job(TransformJobName="not-pulled"),
        "TransformJobStatus",
    )
    sagemaker.delete_model(ModelName="not-pulled")
    assert description["TransformJobStatus"] == "Failed"
    assert "does not have BatchGetImage permission" in description["FailureReason"]
