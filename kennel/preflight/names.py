"""Check that the names of the stack and its resources are not in use by others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from kennel.aws import Connect, code_of
from kennel.deployed import DeployedStack
from kennel.deployment import Deployment
from kennel.preflight.findings import Finding, Level, unknown

if TYPE_CHECKING:
    from types_boto3_ecr.client import ECRClient
    from types_boto3_logs.client import CloudWatchLogsClient
    from types_boto3_s3.client import S3Client
    from types_boto3_sagemaker.client import SageMakerClient

#: Looks a name up: raises ClientError if nothing has it.
LookUp = Callable[[Connect, str], object]


def _look_up_repository(connect: Connect, name: str) -> object:
    ecr: ECRClient = connect("ecr")
    return ecr.describe_repositories(repositoryNames=[name])


def _look_up_package_group(connect: Connect, name: str) -> object:
    sagemaker: SageMakerClient = connect("sagemaker")
    return sagemaker.describe_model_package_group(ModelPackageGroupName=name)


def _look_up_log_group(connect: Connect, name: str) -> object:
    logs: CloudWatchLogsClient = connect("logs")
    return logs.describe_log_streams(logGroupName=name, limit=1)


def _look_up_bucket(connect: Connect, name: str) -> object:
    s3: S3Client = connect("s3")
    return s3.head_bucket(Bucket=name)


def _look_up_endpoint(connect: Connect, name: str) -> object:
    sagemaker: SageMakerClient = connect("sagemaker")
    return sagemaker.describe_endpoint(EndpointName=name)


_LOOK_UPS: dict[str, LookUp] = {
    "AWS::ECR::Repository": _look_up_repository,
    "AWS::SageMaker::ModelPackageGroup": _look_up_package_group,
    "AWS::S3::Bucket": _look_up_bucket,
    "AWS::Logs::LogGroup": _look_up_log_group,
}

#: Error codes for a name that nothing has.
_FREE = {
    "RepositoryNotFoundException",
    "ValidationException",
    "ResourceNotFound",
    "ResourceNotFoundException",
    "404",
    "NoSuchBucket",
}
#: S3's error code for a bucket of another account.
_OTHER_ACCOUNTS_BUCKET = "403"

#: Statuses in which CloudFormation refuses an update.
_NOT_UPDATABLE = {"ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED"}


def stack(deployment: Deployment, deployed: DeployedStack | None) -> Iterator[Finding]:
    """Check that no stack has the name, or that the stack of that name can be updated."""
    check = f"stack {deployment.stack_name}"
    if deployed is None:
        yield Finding(check, Level.FINE, "the name is free")
    elif deployed.status in _NOT_UPDATABLE:
        yield Finding(
            check,
            Level.BLOCKS,
            f"it is {deployed.status}, from which it cannot be updated",
            "kennel destroy, or aws cloudformation delete-stack "
            f"--stack-name {deployment.stack_name}",
        )
    elif deployed.status.endswith("_IN_PROGRESS"):
        yield Finding(check, Level.BLOCKS, f"it is {deployed.status}", "wait until it has ended")
    elif "EndpointName" not in deployed.parameters:
        yield Finding(
            check,
            Level.BLOCKS,
            f"it is {deployed.status} and not Kennel's: it has no parameter EndpointName",
            "choose another stack_name in samconfig.toml",
        )
    elif deployed.parameters["EndpointName"] != deployment.endpoint_name:
        yield Finding(
            check,
            Level.BLOCKS,
            f"its EndpointName is {deployed.parameters['EndpointName']}, which is fixed, and this "
            f"deployment has {deployment.endpoint_name}",
            "keep the name, or deploy another stack with the new one",
        )
    else:
        yield Finding(check, Level.FINE, f"it is {deployed.status}: this deployment updates it")
        yield from _hosting(deployment, deployed)


def _hosting(deployment: Deployment, deployed: DeployedStack) -> Iterator[Finding]:
    """Warn of a switch, which stops every release while the endpoint exists."""
    before = deployed.parameters.get("Hosting", "instances")
    if deployment.parameters["Hosting"] != before:
        yield Finding(
            "Hosting",
            Level.WARNS,
            f"it was {before}, and no update of an endpoint changes it",
            "deploy, delete the endpoint (aws sagemaker delete-endpoint --endpoint-name "
            f"{deployment.endpoint_name}) and release again; until then the API answers 503",
        )


def names(
    deployment: Deployment, deployed: DeployedStack | None, connect: Connect
) -> Iterator[Finding]:
    """Check each name that the template chooses, unless this stack already has it."""
    for resource_type, look_up in _LOOK_UPS.items():
        for name in deployment.chosen_names(resource_type).values():
            own = deployed is not None and name in deployed.names
            check = f"{resource_type.removeprefix('AWS::').replace('::', ' ')} {name}"
            yield _check_name(check, look_up, name, connect, own=own)
    endpoint = deployment.endpoint_name
    # The state machine makes the endpoint, so that no stack lists it among its resources.
    own = deployed is not None and deployed.parameters.get("EndpointName") == endpoint
    yield _check_name(
        f"SageMaker Endpoint {endpoint}", _look_up_endpoint, endpoint, connect, own=own
    )


def _check_name(check: str, look_up: LookUp, name: str, connect: Connect, *, own: bool) -> Finding:
    if own:
        return Finding(check, Level.FINE, "this stack's own")
    try:
        look_up(connect, name)
    except (ClientError, BotoCoreError) as error:
        code = code_of(error) if isinstance(error, ClientError) else ""
        if code in _FREE:
            return Finding(check, Level.FINE, "the name is free")
        if code != _OTHER_ACCOUNTS_BUCKET:
            return unknown(check, error)
    return Finding(
        check,
        Level.BLOCKS,
        "the name is in use, and not by this stack",
        "choose another EndpointName, from which all names follow, or remove the resource that has "
        "the name (`kennel destroy` lists what an earlier stack left)",
    )
