"""Check of names: what the template calls its resources must not be somebody else's already."""

from collections.abc import Callable, Iterator
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from kennel.aws import Connect, code_of
from kennel.deployed import Deployed
from kennel.deployment import Deployment
from kennel.preflight.findings import Finding, Level, unknown

#: How a name is looked up: (service, call with the name, codes that say it is free).
_LookUp = tuple[str, Callable[[Any, str], Any], set[str]]

_LOOK_UPS: dict[str, _LookUp] = {
    "AWS::ECR::Repository": (
        "ecr",
        lambda ecr, name: ecr.describe_repositories(repositoryNames=[name]),
        {"RepositoryNotFoundException"},
    ),
    "AWS::SageMaker::ModelPackageGroup": (
        "sagemaker",
        lambda sagemaker, name: sagemaker.describe_model_package_group(ModelPackageGroupName=name),
        {"ValidationException", "ResourceNotFound"},
    ),
    "AWS::S3::Bucket": (
        "s3",
        lambda s3, name: s3.head_bucket(Bucket=name),
        {"404", "NoSuchBucket"},
    ),
}
_ENDPOINT: _LookUp = (
    "sagemaker",
    lambda sagemaker, name: sagemaker.describe_endpoint(EndpointName=name),
    {"ValidationException", "ResourceNotFound"},
)

# Statuses from which CloudFormation takes no update.
_DEAD = {"ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED"}


def stack(wanted: Deployment, deployed: Deployed | None) -> Iterator[Finding]:
    """Check the stack's name, and that a stack of that name can be deployed to."""
    check = f"stack {wanted.stack_name}"
    if deployed is None:
        yield Finding(check, Level.FINE, "the name is free")
    elif deployed.status in _DEAD:
        yield Finding(
            check,
            Level.BLOCKS,
            f"it is {deployed.status}, from which nothing can be deployed",
            f"kennel destroy, or aws cloudformation delete-stack --stack-name {wanted.stack_name}",
        )
    elif deployed.status.endswith("_IN_PROGRESS"):
        yield Finding(
            check, Level.BLOCKS, f"it is {deployed.status}", "wait until that has come to its end"
        )
    elif "EndpointName" not in deployed.parameters:
        yield Finding(
            check,
            Level.BLOCKS,
            f"it is {deployed.status} and not Kennel's: it has no parameter EndpointName",
            "choose another stack_name in samconfig.toml",
        )
    else:
        yield Finding(check, Level.FINE, f"it is {deployed.status}: this deploy updates it")


def names(wanted: Deployment, deployed: Deployed | None, connect: Connect) -> Iterator[Finding]:
    """Look up each name that the template chooses, save those that this stack has already."""
    for kind, look_up in _LOOK_UPS.items():
        for name in wanted.chosen_names(kind).values():
            ours = deployed is not None and name in deployed.names
            what = f"{kind.removeprefix('AWS::').replace('::', ' ')} {name}"
            yield _free(what, look_up, name, connect, ours=ours)
    endpoint = wanted.endpoint_name
    # The state machine makes the endpoint, so that no stack lists it among its resources.
    ours = deployed is not None and deployed.parameters.get("EndpointName") == endpoint
    yield _free(f"SageMaker Endpoint {endpoint}", _ENDPOINT, endpoint, connect, ours=ours)


def _free(what: str, look_up: _LookUp, name: str, connect: Connect, *, ours: bool) -> Finding:
    if ours:
        return Finding(what, Level.FINE, "this stack's own")
    service, look, free = look_up
    try:
        look(connect(service), name)
    except (ClientError, BotoCoreError) as error:
        code = code_of(error) if isinstance(error, ClientError) else ""
        if code in free:
            return Finding(what, Level.FINE, "the name is free")
        if code != "403":  # S3's word for a bucket that another account has
            return unknown(what, error)
    return Finding(
        what,
        Level.BLOCKS,
        "the name is in use, and not by this stack",
        "choose another EndpointName, from which all names follow, or remove what has the name "
        "(`kennel destroy` lists what an earlier stack left)",
    )
