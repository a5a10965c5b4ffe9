"""Permissions that a call requires, and the resource that it names."""

from typing import Any

import pytest

from kennel.cloud.sagemaker.resources import arn_of, required_permissions, resource_of

BASE = "arn:aws:sagemaker:us-east-1:123456789012:"


@pytest.mark.parametrize(
    ("action", "request_", "resource"),
    [
        ("CreateEndpointConfig", {"EndpointConfigName": "Dogs"}, "endpoint-config/dogs"),
        ("UpdateEndpointWeightsAndCapacities", {"EndpointName": "dogs"}, "endpoint/dogs"),
        ("DescribeModel", {"ModelName": "m"}, "model/m"),
        ("CreateModelPackage", {"ModelPackageGroupName": "g"}, "model-package/g/*"),
        (
            "UpdateModelPackage",
            {"ModelPackageArn": f"{BASE}model-package/g/1"},
            "model-package/g/1",
        ),
        ("DescribeModelPackageGroup", {"ModelPackageGroupName": "g"}, "model-package-group/g"),
        (
            "ListTrainingJobsForHyperParameterTuningJob",
            {"HyperParameterTuningJobName": "t"},
            "hyper-parameter-tuning-job/t",
        ),
        ("AddTags", {"ResourceArn": f"{BASE}model/m", "Tags": []}, "model/m"),
    ],
)
def test_a_call_names_one_resource(action: str, request_: dict[str, Any], resource: str) -> None:
    assert resource_of(action, request_) == BASE + resource


def test_a_list_names_no_resource() -> None:
    assert resource_of("ListModels", {}) is None
    (permission,) = required_permissions("ListModels", {})
    assert (permission.action, permission.resource) == ("sagemaker:ListModels", "*")


def test_tags_and_a_role_require_further_permissions() -> None:
    role = "arn:aws:iam::123456789012:role/x"
    request = {
        "HyperParameterTuningJobName": "t",
        "TrainingJobDefinition": {"RoleArn": role},
        "Tags": [{"Key": "a", "Value": "b"}],
    }
    action = "CreateHyperParameterTuningJob"
    permissions = [(each.action, each.resource) for each in required_permissions(action, request)]
    tuning = BASE + "hyper-parameter-tuning-job/t"
    assert permissions == [
        (f"sagemaker:{action}", tuning),
        ("sagemaker:AddTags", tuning),
        ("sagemaker:AddTags", f"{BASE}training-job/t-001-abcdef01"),
        ("iam:PassRole", role),
    ]


def test_an_endpoint_requires_permission_on_its_configuration() -> None:
    request = {"EndpointName": "e", "EndpointConfigName": "c"}
    resources = {each.resource for each in required_permissions("UpdateEndpoint", request)}
    assert resources == {BASE + "endpoint/e", BASE + "endpoint-config/c"}


def test_an_arn_is_unchanged() -> None:
    assert arn_of("model", f"{BASE}model/M") == f"{BASE}model/M"
