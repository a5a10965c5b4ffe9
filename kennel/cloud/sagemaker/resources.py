"""Name SageMaker's resources by ARN, and list the permissions that a call requires.

Which action is authorised on which resource, and what it depends on (PassRole, AddTags):
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsagemakerai.html
"""

from collections.abc import Iterator, Mapping
from typing import Any

from kennel.cloud.cloudformation.names import ACCOUNT, REGION
from kennel.cloud.iam.policy import RequiredPermission

#: Resource type in an ARN -> its name in actions and members. CreateEndpointConfig must not be
#: read as CreateEndpoint: a longer name comes before one that it begins with.
RESOURCE_NAMES = {
    "endpoint-config": "EndpointConfig",
    "endpoint": "Endpoint",
    "training-job": "TrainingJob",
    "hyper-parameter-tuning-job": "HyperParameterTuningJob",
    "transform-job": "TransformJob",
    "model-package-group": "ModelPackageGroup",
    "model-package": "ModelPackage",
    "model": "Model",
}


def arn_of(kind: str, name: str) -> str:
    """Return the ARN of a SageMaker resource; the service writes names in lower case."""
    if name.startswith("arn:"):
        return name
    return f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:{kind}/{name.lower()}"


def resource_of(action: str, request: Mapping[str, Any]) -> str | None:
    """Return the ARN of the resource that `action` creates, reads, changes or deletes."""
    if arn := request.get("ResourceArn"):
        return str(arn)
    subject = action.removesuffix("WeightsAndCapacities")
    if subject == "ListTrainingJobsForHyperParameterTuningJob":
        subject = "DescribeHyperParameterTuningJob"
    for kind, resource_name in RESOURCE_NAMES.items():
        if subject.endswith(resource_name):
            name = request.get(f"{resource_name}Name") or request.get(f"{resource_name}Arn")
            if kind == "model-package" and not name:  # a new version is named by its group
                name = request.get("ModelPackageGroupName")
                name = name and f"{name.rpartition('/')[2]}/*"
            return arn_of(kind, name) if name else None
    return None


def required_permissions(action: str, request: Mapping[str, Any]) -> Iterator[RequiredPermission]:
    """Yield every permission that the call requires, dependent actions included."""
    resource = resource_of(action, request) or "*"
    yield RequiredPermission(f"sagemaker:{action}", resource)
    if action in {"CreateEndpoint", "UpdateEndpoint"}:
        config = arn_of("endpoint-config", request["EndpointConfigName"])
        yield RequiredPermission(f"sagemaker:{action}", config)
    if action.startswith("Create") and request.get("Tags"):
        yield RequiredPermission("sagemaker:AddTags", resource)
        if action == "CreateHyperParameterTuningJob":  # its tags go to its training jobs
            first = f"{request['HyperParameterTuningJobName']}-001-abcdef01"
            yield RequiredPermission("sagemaker:AddTags", arn_of("training-job", first))
    definitions = [
        *request.get("TrainingJobDefinitions", []),
        request.get("TrainingJobDefinition", {}),
    ]
    for part in (request, *definitions):
        if role := part.get("ExecutionRoleArn") or part.get("RoleArn"):
            yield RequiredPermission(
                "iam:PassRole", role, {"iam:PassedToService": "sagemaker.amazonaws.com"}
            )
