"""What a call needs to be allowed on."""

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
def test_a_call_is_about_one_resource(action: str, request_: dict[str, Any], resource: str) -> None:
    assert resource_of(action, request_) == BASE + resource


def test_a_list_is_about_none() -> None:
    assert resource_of("ListModels", {}) is None
    (permission,) = required_permissions("ListModels", {})
    assert (permission.action, permission.resource) == ("sagemaker:ListModels", "*")


def test_a_call_with_tags_and_a_role_needs_more() -> None:
    role = "arn:aws:iam::123456789012:role/x"
    request = {
        "HyperParameterTuningJobName": "t",
        "TrainingJobDefinition": {"RoleArn": role},
        "Tags": [{"Key": "a", "Value": "b"}],
    }
    action = "CreateHyperParameterTuningJob"
    found = [(each.action, each.resource) for each in required_permissions(action, request)]
    tuning = BASE + "hyper-parameter-tuning-job/t"
    assert found == [
        (f"sagemaker:{action}", tuning),
        ("sagemaker:AddTags", tuning),
        ("iam:PassRole", role),
    ]


def test_an_endpoint_needs_its_configuration_too() -> None:
    request = {"EndpointName": "e", "EndpointConfigName": "c"}
    found = {each.resource for each in required_permissions("UpdateEndpoint", request)}
    assert found == {BASE + "endpoint/e", BASE + "endpoint-config/c"}


def test_an_arn_stays_as_it_is() -> None:
    assert arn_of("model", f"{BASE}model/M") == f"{BASE}model/M"
