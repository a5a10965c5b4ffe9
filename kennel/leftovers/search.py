"""Find all that a stack and its executions left behind, service by service."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from kennel.aws import Connect, exists, reason
from kennel.deployed import find_stack
from kennel.leftovers import sagemaker
from kennel.leftovers.leftover import Leftover
from kennel.leftovers.names import StackNames

if TYPE_CHECKING:
    from types_boto3_ecr.client import ECRClient
    from types_boto3_s3.client import S3Client

Search = Callable[[StackNames, Connect], Iterator[Leftover]]


def find_leftovers(names: StackNames, connect: Connect) -> Iterator[Leftover]:
    """Yield each resource that still exists; a search that AWS refuses counts as a leftover."""
    for title, search in _SEARCHES.items():
        try:
            yield from search(names, connect)
        except (ClientError, BotoCoreError) as error:
            command = "see in the AWS console, or run this again with more rights"
            yield Leftover(f"could not look for {title}", reason(error), True, command)


def _stack(names: StackNames, connect: Connect) -> Iterator[Leftover]:
    if stack := find_stack(connect, names.stack):
        command = f"aws cloudformation delete-stack --stack-name {names.stack}"
        if stack.status == "DELETE_FAILED":
            command += " --deletion-mode FORCE_DELETE_STACK"
        yield Leftover(f"stack, {stack.status}", names.stack, True, command)


def _repositories(names: StackNames, connect: Connect) -> Iterator[Leftover]:
    ecr: ECRClient = connect("ecr")
    for name in names.repositories:
        describe = partial(ecr.describe_repositories, repositoryNames=[name])
        if exists(describe, "RepositoryNotFoundException"):
            command = f"aws ecr delete-repository --repository-name {name} --force"
            yield Leftover("ECR repository", name, True, command)


def _buckets(names: StackNames, connect: Connect) -> Iterator[Leftover]:
    s3: S3Client = connect("s3")
    for name in names.buckets:
        if not exists(partial(s3.head_bucket, Bucket=name), "404", "NoSuchBucket"):
            continue
        # `aws s3 rb --force` leaves the old versions, and with them the bucket.
        command = (
            f"python -c \"import boto3; b = boto3.resource('s3').Bucket('{name}'); "
            'b.object_versions.delete(); b.delete()"'
        )
        yield Leftover("bucket", name, True, command, by_design=names.keep_data)


_SEARCHES: dict[str, Search] = {
    "the stack": _stack,
    "the endpoint": sagemaker.endpoint,
    "running jobs": sagemaker.running_jobs,
    "scaling alarms": sagemaker.scaling_alarms,
    "image repositories": _repositories,
    "the scaling registration": sagemaker.scaling_registration,
    "endpoint configurations and models": sagemaker.configurations_and_models,
    "model packages": sagemaker.model_packages,
    "log groups": sagemaker.log_group,
    "the bucket": _buckets,
}
