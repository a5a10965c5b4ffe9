"""A deployed stack is read from CloudFormation."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from kennel.deployed import find_stack
from tests.kennel.conftest import clients, scripted

GROUP_ARN = "arn:aws:sagemaker:us-east-1:123456789012:model-package-group/kennel"


def resource(logical_id: str, status: str, physical_id: str) -> dict[str, Any]:
    return {
        "LogicalResourceId": logical_id,
        "PhysicalResourceId": physical_id,
        "ResourceType": "AWS::S3::Bucket",
        "ResourceStatus": status,
        "LastUpdatedTimestamp": 0,
    }


def test_parameters_outputs_and_the_resources_that_exist() -> None:
    stack = {
        "StackName": "kennel",
        "StackStatus": "UPDATE_COMPLETE",
        "CreationTime": 0,
        "Parameters": [{"ParameterKey": "EndpointName", "ParameterValue": "kennel"}],
        "Outputs": [{"OutputKey": "BucketName", "OutputValue": "photos"}],
    }
    resources = [
        resource("Bucket", "CREATE_COMPLETE", "photos"),
        resource("Group", "CREATE_COMPLETE", GROUP_ARN),
        resource("Topic", "DELETE_COMPLETE", "news"),
    ]
    cloudformation = scripted(
        "cloudformation",
        ("describe_stacks", {"Stacks": [stack]}),
        ("list_stack_resources", {"StackResourceSummaries": resources}),
    )
    deployed = find_stack(clients("", {"cloudformation": cloudformation}), "kennel")
    assert deployed is not None
    assert deployed.status == "UPDATE_COMPLETE"
    assert deployed.parameters == {"EndpointName": "kennel"}
    assert deployed.outputs == {"BucketName": "photos"}
    assert deployed.names == {"photos", "kennel"}


def test_a_stack_that_does_not_exist_is_none(account: str) -> None:
    assert find_stack(clients(account), "none") is None


def test_another_error_is_raised() -> None:
    cloudformation = scripted("cloudformation", ("describe_stacks", "AccessDenied"))
    with pytest.raises(ClientError, match="AccessDenied"):
        find_stack(clients("", {"cloudformation": cloudformation}), "kennel")
