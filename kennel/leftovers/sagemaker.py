"""Find a stack's leftovers in SageMaker, and those of its endpoint's scaling, alarms and logs.

The name of each begins with the endpoint's, as the template has it. Jobs of an execution are named
`k-` and a hash; the tag `kennel:execution` tells them from jobs of another project.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from kennel.aws import Connect, code_of, exists, find
from kennel.leftovers.leftover import Leftover
from kennel.leftovers.names import StackNames
from kennel.tags import EXECUTION_TAG, tags_of

if TYPE_CHECKING:
    from types_boto3_application_autoscaling.client import ApplicationAutoScalingClient
    from types_boto3_cloudwatch.client import CloudWatchClient
    from types_boto3_logs.client import CloudWatchLogsClient
    from types_boto3_sagemaker.client import SageMakerClient

JOB_PREFIX = "k-"


def endpoint(names: StackNames, connect: Connect) -> Iterator[Leftover]:
    """Find the endpoint, in whatever state."""
    sagemaker: SageMakerClient = connect("sagemaker")
    name = names.endpoint
    described = find(partial(sagemaker.describe_endpoint, EndpointName=name), "ValidationException")
    if described:
        command = f"aws sagemaker delete-endpoint --endpoint-name {name}"
        yield Leftover(f"endpoint, {described['EndpointStatus']}", name, True, command)


def configurations_and_models(names: StackNames, connect: Connect) -> Iterator[Leftover]:
    """Find endpoint configurations and models, which cost nothing."""
    sagemaker: SageMakerClient = connect("sagemaker")
    prefix = f"{names.endpoint}-"
    for configs in sagemaker.get_paginator("list_endpoint_configs").paginate(
        NameContains=names.endpoint
    ):
        for config in configs["EndpointConfigs"]:
            name = config["EndpointConfigName"]
            if name.startswith(prefix):
                command = f"aws sagemaker delete-endpoint-config --endpoint-config-name {name}"
                yield Leftover("endpoint configuration", name, False, command)
    for models in sagemaker.get_paginator("list_models").paginate(NameContains=names.endpoint):
        for model in models["Models"]:
            name = model["ModelName"]
            if name.startswith(prefix):
                command = f"aws sagemaker delete-model --model-name {name}"
                yield Leftover("model", name, False, command)


def running_jobs(names: StackNames, connect: Connect) -> Iterator[Leftover]:
    """Find tuning, training and transform jobs that are in progress."""
    sagemaker: SageMakerClient = connect("sagemaker")
    for kind, name, arn in _jobs_in_progress(sagemaker):
        is_of_execution = name.startswith(JOB_PREFIX) and _has_execution(sagemaker, arn)
        if name.startswith(f"{names.endpoint}-") or is_of_execution:
            command = f"aws sagemaker stop-{kind}-job --{kind}-job-name {name}"
            yield Leftover(f"{kind} job, InProgress", name, True, command)


def _jobs_in_progress(sagemaker: SageMakerClient) -> Iterator[tuple[str, str, str]]:
    """Yield (kind as the AWS command line has it, name, ARN) of each."""
    for tunings in sagemaker.get_paginator("list_hyper_parameter_tuning_jobs").paginate(
        StatusEquals="InProgress"
    ):
        for tuning in tunings["HyperParameterTuningJobSummaries"]:
            name, arn = tuning["HyperParameterTuningJobName"], tuning["HyperParameterTuningJobArn"]
            yield "hyper-parameter-tuning", name, arn
    for trainings in sagemaker.get_paginator("list_training_jobs").paginate(
        StatusEquals="InProgress"
    ):
        for training in trainings["TrainingJobSummaries"]:
            yield "training", training["TrainingJobName"], training["TrainingJobArn"]
    for transforms in sagemaker.get_paginator("list_transform_jobs").paginate(
        StatusEquals="InProgress"
    ):
        for transform in transforms["TransformJobSummaries"]:
            yield "transform", transform["TransformJobName"], transform["TransformJobArn"]


def _has_execution(sagemaker: SageMakerClient, arn: str) -> bool:
    try:
        return EXECUTION_TAG in tags_of(sagemaker, arn)
    except ClientError as error:  # another project's job, or one that has just been deleted
        if code_of(error) not in {"AccessDeniedException", "ResourceNotFound"}:
            raise
        return False


def model_packages(names: StackNames, connect: Connect) -> Iterator[Leftover]:
    """Find the model package groups and the packages in them."""
    sagemaker: SageMakerClient = connect("sagemaker")
    for group in names.package_groups:
        describe = partial(sagemaker.describe_model_package_group, ModelPackageGroupName=group)
        if not exists(describe, "ValidationException", "ResourceNotFound"):
            continue
        for page in sagemaker.get_paginator("list_model_packages").paginate(
            ModelPackageGroupName=group
        ):
            for package in page["ModelPackageSummaryList"]:
                arn = package["ModelPackageArn"]
                command = f"aws sagemaker delete-model-package --model-package-name {arn}"
                yield Leftover("model package", arn, False, command)
        command = f"aws sagemaker delete-model-package-group --model-package-group-name {group}"
        yield Leftover("model package group", group, False, command)


def scaling_registration(names: StackNames, connect: Connect) -> Iterator[Leftover]:
    """Find the endpoint's registration with Application Auto Scaling."""
    autoscaling: ApplicationAutoScalingClient = connect("application-autoscaling")
    targets = autoscaling.describe_scalable_targets(
        ServiceNamespace="sagemaker",
        ResourceIds=[f"endpoint/{names.endpoint}/variant/AllTraffic"],
    )["ScalableTargets"]
    for target in targets:
        name, dimension = target["ResourceId"], target["ScalableDimension"]
        command = (
            "aws application-autoscaling deregister-scalable-target --service-namespace sagemaker "
            f"--resource-id {name} --scalable-dimension {dimension}"
        )
        yield Leftover("scaling registration", name, False, command)


def scaling_alarms(names: StackNames, connect: Connect) -> Iterator[Leftover]:
    """Find the alarms that target tracking made for the endpoint."""
    cloudwatch: CloudWatchClient = connect("cloudwatch")
    prefix = f"TargetTracking-endpoint/{names.endpoint}/"
    for page in cloudwatch.get_paginator("describe_alarms").paginate(AlarmNamePrefix=prefix):
        for alarm in page["MetricAlarms"]:
            name = alarm["AlarmName"]
            command = f"aws cloudwatch delete-alarms --alarm-names {name}"
            yield Leftover("alarm", name, True, command)


def log_group(names: StackNames, connect: Connect) -> Iterator[Leftover]:
    """Find the endpoint's log group, which SageMaker recreates if it logs after the deletion."""
    logs: CloudWatchLogsClient = connect("logs")
    name = f"/aws/sagemaker/Endpoints/{names.endpoint}"
    for page in logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=name):
        for group in page["logGroups"]:
            if group["logGroupName"] == name:
                command = f"aws logs delete-log-group --log-group-name {name}"
                yield Leftover("log group", name, group.get("storedBytes", 0) > 0, command)
