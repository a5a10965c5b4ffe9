"""What a stack and its executions may leave behind, looked for by name and tag.

Every SageMaker name begins with the endpoint's, as the template has it; jobs of an execution are
named `k-` and a hash, and the tag `kennel:execution` tells whose they are.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from kennel.aws import Connect, code_of, reason
from kennel.deployed import Deployed, find
from kennel.deployment import Deployment
from kennel.destroy import Left

EXECUTION_TAG = "kennel:execution"
JOB_PREFIX = "k-"


@dataclass(frozen=True)
class Stack:
    """What to look for.

    Attributes
    ----------
    name
        The stack's own.
    endpoint_name
        Its parameter EndpointName.
    repositories, package_groups, buckets
        Names that its resources had.
    keep_data
        Whether its bucket is meant to outlive it.
    """

    name: str
    endpoint_name: str
    repositories: tuple[str, ...] = ()
    package_groups: tuple[str, ...] = ()
    buckets: tuple[str, ...] = ()
    keep_data: bool = True

    @classmethod
    def of(cls, wanted: Deployment, there: Deployed | None) -> "Stack":
        """Take the names from the deployed stack where there is one, else from the template."""
        parameters = {**wanted.parameters, **(there.parameters if there else {})}

        def names(kind: str) -> tuple[str, ...]:
            if not there:
                return tuple(wanted.chosen_names(kind).values())
            ids = (each.logical_id for each in wanted.stack.of_type(kind))
            return tuple(
                there.name(logical_id) for logical_id in ids if logical_id in there.physical
            )

        return cls(
            wanted.stack_name,
            parameters["EndpointName"],
            names("AWS::ECR::Repository"),
            names("AWS::SageMaker::ModelPackageGroup"),
            names("AWS::S3::Bucket"),
            parameters.get("KeepData", "true") == "true",
        )


Look = Callable[[Stack, Connect], Iterator[Left]]


def leftovers(stack: Stack, connect: Connect) -> Iterator[Left]:
    """Yield all that still exists; what could not be looked for counts as left."""
    for what, look in _LOOKS.items():
        try:
            yield from look(stack, connect)
        except (ClientError, BotoCoreError) as error:
            command = "see in the AWS console, or run this again with more rights"
            yield Left(f"could not look for {what}", reason(error), True, command)


def _stack(stack: Stack, connect: Connect) -> Iterator[Left]:
    if found := find(connect, stack.name):
        command = f"aws cloudformation delete-stack --stack-name {stack.name}"
        if found.status == "DELETE_FAILED":
            command += " --deletion-mode FORCE_DELETE_STACK"
        yield Left(f"stack, {found.status}", stack.name, True, command)


def _endpoint(stack: Stack, connect: Connect) -> Iterator[Left]:
    name = stack.endpoint_name
    try:
        status = connect("sagemaker").describe_endpoint(EndpointName=name)["EndpointStatus"]
    except ClientError as error:
        if code_of(error) != "ValidationException":
            raise
        return
    command = f"aws sagemaker delete-endpoint --endpoint-name {name}"
    yield Left(f"endpoint, {status}", name, True, command)


def _records(stack: Stack, connect: Connect) -> Iterator[Left]:
    """Endpoint configurations and models: they cost nothing."""
    kinds = (
        ("endpoint configuration", "list_endpoint_configs", "EndpointConfig"),
        ("model", "list_models", "Model"),
    )
    for kind, listing, word in kinds:
        words = "endpoint-config" if word == "EndpointConfig" else "model"
        for each in _all(connect("sagemaker"), listing, NameContains=stack.endpoint_name):
            name = each[f"{word}Name"]
            if name.startswith(f"{stack.endpoint_name}-"):
                yield Left(kind, name, False, f"aws sagemaker delete-{words} --{words}-name {name}")


def _jobs(stack: Stack, connect: Connect) -> Iterator[Left]:
    sagemaker = connect("sagemaker")
    kinds = (
        ("list_hyper_parameter_tuning_jobs", "HyperParameterTuningJob", "hyper-parameter-tuning"),
        ("list_training_jobs", "TrainingJob", "training"),
        ("list_transform_jobs", "TransformJob", "transform"),
    )
    for listing, word, kind in kinds:
        for each in _all(sagemaker, listing, StatusEquals="InProgress"):
            name, arn = each[f"{word}Name"], each[f"{word}Arn"]
            ours = name.startswith(f"{stack.endpoint_name}-") or (
                name.startswith(JOB_PREFIX) and EXECUTION_TAG in _tags(sagemaker, arn)
            )
            if ours:
                command = f"aws sagemaker stop-{kind}-job --{kind}-job-name {name}"
                yield Left(f"{kind} job, InProgress", name, True, command)


def _package_groups(stack: Stack, connect: Connect) -> Iterator[Left]:
    sagemaker = connect("sagemaker")
    for name in stack.package_groups:
        try:
            sagemaker.describe_model_package_group(ModelPackageGroupName=name)
        except ClientError as error:
            if code_of(error) not in {"ValidationException", "ResourceNotFound"}:
                raise
            continue
        for package in _all(sagemaker, "list_model_packages", ModelPackageGroupName=name):
            arn = package["ModelPackageArn"]
            command = f"aws sagemaker delete-model-package --model-package-name {arn}"
            yield Left("model package", arn, False, command)
        command = f"aws sagemaker delete-model-package-group --model-package-group-name {name}"
        yield Left("model package group", name, False, command)


def _scaling(stack: Stack, connect: Connect) -> Iterator[Left]:
    targets = connect("application-autoscaling").describe_scalable_targets(
        ServiceNamespace="sagemaker",
        ResourceIds=[f"endpoint/{stack.endpoint_name}/variant/AllTraffic"],
    )["ScalableTargets"]
    for target in targets:
        name, dimension = target["ResourceId"], target["ScalableDimension"]
        command = (
            "aws application-autoscaling deregister-scalable-target --service-namespace sagemaker "
            f"--resource-id {name} --scalable-dimension {dimension}"
        )
        yield Left("scaling registration", name, False, command)


def _alarms(stack: Stack, connect: Connect) -> Iterator[Left]:
    prefix = f"TargetTracking-endpoint/{stack.endpoint_name}/"
    pages = connect("cloudwatch").get_paginator("describe_alarms").paginate(AlarmNamePrefix=prefix)
    for page in pages:
        for alarm in page["MetricAlarms"]:
            name = alarm["AlarmName"]
            yield Left("alarm", name, True, f"aws cloudwatch delete-alarms --alarm-names {name}")


def _repositories(stack: Stack, connect: Connect) -> Iterator[Left]:
    ecr = connect("ecr")
    for name in stack.repositories:
        try:
            ecr.describe_repositories(repositoryNames=[name])
        except ClientError as error:
            if code_of(error) != "RepositoryNotFoundException":
                raise
            continue
        command = f"aws ecr delete-repository --repository-name {name} --force"
        yield Left("ECR repository", name, True, command)


def _buckets(stack: Stack, connect: Connect) -> Iterator[Left]:
    s3 = connect("s3")
    for name in stack.buckets:
        try:
            s3.head_bucket(Bucket=name)
        except ClientError as error:
            if code_of(error) not in {"404", "NoSuchBucket"}:
                raise
            continue
        # `aws s3 rb --force` leaves the old versions, and with them the bucket.
        command = (
            f"python -c \"import boto3; b = boto3.resource('s3').Bucket('{name}'); "
            'b.object_versions.delete(); b.delete()"'
        )
        yield Left("bucket", name, True, command, by_design=stack.keep_data)


def _logs(stack: Stack, connect: Connect) -> Iterator[Left]:
    """Find the log group that SageMaker makes for an endpoint by itself, and never deletes."""
    own = f"/aws/sagemaker/Endpoints/{stack.endpoint_name}"
    pages = connect("logs").get_paginator("describe_log_groups").paginate(logGroupNamePrefix=own)
    for page in pages:
        for group in page["logGroups"]:
            name = group["logGroupName"]
            if name == own:
                command = f"aws logs delete-log-group --log-group-name {name}"
                yield Left("log group", name, group.get("storedBytes", 0) > 0, command)


_LOOKS: dict[str, Look] = {
    "the stack": _stack,
    "the endpoint": _endpoint,
    "running jobs": _jobs,
    "scaling alarms": _alarms,
    "image repositories": _repositories,
    "the scaling registration": _scaling,
    "endpoint configurations and models": _records,
    "model packages": _package_groups,
    "log groups": _logs,
    "the bucket": _buckets,
}


def _all(sagemaker: Any, listing: str, **request: Any) -> Iterator[dict[str, Any]]:
    for page in sagemaker.get_paginator(listing).paginate(**request):
        (items,) = (value for value in page.values() if isinstance(value, list))
        yield from items


def _tags(sagemaker: Any, arn: str) -> set[str]:
    pages = sagemaker.get_paginator("list_tags").paginate(ResourceArn=arn)
    return {tag["Key"] for page in pages for tag in page["Tags"]}
