"""Delete the resources that executions have created.

First whatever could create more (executions, jobs, builds), then the endpoint, then what the
endpoint used. Each call does what can be done at once and returns what is left.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from botocore.exceptions import ClientError

from common.aws import error_code
from common.execution import EXECUTION_TAG
from common.registration import deregister
from common.sagemaker import BUSY, describe_endpoint
from common.tags import tags_of
from removal.bucket import delete_bucket
from removal.clients import Clients

__all__ = ["RemovalSettings", "remove"]

_LATEST_BUILDS = 100  # builds that are looked at, as many as BatchGetBuilds accepts
_JOB_PREFIX = "k-"  # of the names in common.execution


@dataclass(frozen=True, slots=True)
class RemovalSettings:
    """The environment of RemovalFunction."""

    endpoint_name: str  # ENDPOINT_NAME
    bucket: str  # BUCKET_NAME
    project: str  # PROJECT_NAME: CodeBuild project; empty if no image is built
    group: str  # MODEL_PACKAGE_GROUP
    machine_arn: str  # STATE_MACHINE_ARN
    clean_up_machine_arn: str  # CLEAN_UP_MACHINE_ARN
    keep_data: bool  # KEEP_DATA: whether the bucket outlives the stack

    @property
    def executions(self) -> str:
        """Common prefix of the ARNs of the executions that create resources."""
        return self.machine_arn.replace(":stateMachine:", ":execution:") + ":"


def remove(settings: RemovalSettings, clients: Clients) -> list[str]:
    """Delete the resources that can be deleted now; return the names of those that are left.

    Another stack's endpoint may have a name that begins with this one's, so a name is no proof: the
    execution in the resource's tag must be one of this stack's.
    """
    left = [*_stop_executions(settings, clients)]
    left += _stop_tuning_jobs(settings, clients)
    left += _stop_training_jobs(settings, clients)
    left += _stop_transform_jobs(settings, clients)
    left += _stop_builds(settings, clients)
    left += _delete_endpoint(settings, clients)
    if left:
        return left
    _delete_configs(settings, clients)
    _delete_models(settings, clients)
    _delete_versions(settings, clients)
    return [] if settings.keep_data else delete_bucket(clients.s3, settings.bucket)


def _stop_executions(settings: RemovalSettings, clients: Clients) -> Iterator[str]:
    for machine in (settings.machine_arn, settings.clean_up_machine_arn):
        pages = clients.step_functions.get_paginator("list_executions").paginate(
            stateMachineArn=machine, statusFilter="RUNNING"
        )
        for execution in [execution for page in pages for execution in page["executions"]]:
            clients.step_functions.stop_execution(
                executionArn=execution["executionArn"],
                error="StackDeleted",
                cause="The stack is being deleted.",
            )
            yield f"the execution {execution['executionArn'].rpartition(':')[2]}"


def _stop_tuning_jobs(settings: RemovalSettings, clients: Clients) -> Iterator[str]:
    pages = clients.sagemaker.get_paginator("list_hyper_parameter_tuning_jobs").paginate(
        NameContains=_JOB_PREFIX, StatusEquals="InProgress"
    )
    for job in [job for page in pages for job in page["HyperParameterTuningJobSummaries"]]:
        name = job["HyperParameterTuningJobName"]
        if _is_own_job(settings, clients, name, job["HyperParameterTuningJobArn"]):
            clients.sagemaker.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
            yield f"the job {name}"


def _stop_training_jobs(settings: RemovalSettings, clients: Clients) -> Iterator[str]:
    pages = clients.sagemaker.get_paginator("list_training_jobs").paginate(
        NameContains=_JOB_PREFIX, StatusEquals="InProgress"
    )
    for job in [job for page in pages for job in page["TrainingJobSummaries"]]:
        name = job["TrainingJobName"]
        if _is_own_job(settings, clients, name, job["TrainingJobArn"]):
            clients.sagemaker.stop_training_job(TrainingJobName=name)
            yield f"the job {name}"


def _stop_transform_jobs(settings: RemovalSettings, clients: Clients) -> Iterator[str]:
    pages = clients.sagemaker.get_paginator("list_transform_jobs").paginate(
        NameContains=settings.endpoint_name, StatusEquals="InProgress"
    )
    for job in [job for page in pages for job in page["TransformJobSummaries"]]:
        name = job["TransformJobName"]  # `kennel batch` starts them, without an execution's tag
        if name.startswith(f"{settings.endpoint_name}-"):
            clients.sagemaker.stop_transform_job(TransformJobName=name)
            yield f"the job {name}"


def _stop_builds(settings: RemovalSettings, clients: Clients) -> Iterator[str]:
    if not settings.project:
        return
    ids = clients.codebuild.list_builds_for_project(
        projectName=settings.project, sortOrder="DESCENDING"
    )["ids"]
    if not ids:
        return
    for build in clients.codebuild.batch_get_builds(ids=ids[:_LATEST_BUILDS])["builds"]:
        if build["buildStatus"] == "IN_PROGRESS":
            clients.codebuild.stop_build(id=build["id"])
            yield f"the build {build['id']}"


def _delete_endpoint(settings: RemovalSettings, clients: Clients) -> Iterator[str]:
    endpoint = describe_endpoint(clients.sagemaker, settings.endpoint_name)
    deregister(clients.autoscaling, settings.endpoint_name)
    if endpoint is None:
        return
    status = endpoint["EndpointStatus"]
    if status not in BUSY:
        clients.sagemaker.delete_endpoint(EndpointName=settings.endpoint_name)
    yield f"the endpoint {settings.endpoint_name}, which is {status}"


def _delete_configs(settings: RemovalSettings, clients: Clients) -> None:
    prefix = f"{settings.endpoint_name}-"
    pages = clients.sagemaker.get_paginator("list_endpoint_configs").paginate(NameContains=prefix)
    for config in [config for page in pages for config in page["EndpointConfigs"]]:
        name = config["EndpointConfigName"]
        if name.startswith(prefix) and _is_own(settings, clients, config["EndpointConfigArn"]):
            clients.sagemaker.delete_endpoint_config(EndpointConfigName=name)


def _delete_models(settings: RemovalSettings, clients: Clients) -> None:
    prefix = f"{settings.endpoint_name}-"
    pages = clients.sagemaker.get_paginator("list_models").paginate(NameContains=prefix)
    for model in [model for page in pages for model in page["Models"]]:
        name = model["ModelName"]
        if name.startswith(prefix) and _is_own(settings, clients, model["ModelArn"]):
            clients.sagemaker.delete_model(ModelName=name)


def _delete_versions(settings: RemovalSettings, clients: Clients) -> None:
    pages = clients.sagemaker.get_paginator("list_model_packages").paginate(
        ModelPackageGroupName=settings.group
    )
    for version in [version for page in pages for version in page["ModelPackageSummaryList"]]:
        clients.sagemaker.delete_model_package(ModelPackageName=version["ModelPackageArn"])


def _is_own_job(settings: RemovalSettings, clients: Clients, name: str, arn: str) -> bool:
    # NameContains finds other people's jobs too, such as risk-2026.
    return name.startswith(_JOB_PREFIX) and _is_own(settings, clients, arn)


def _is_own(settings: RemovalSettings, clients: Clients, arn: str) -> bool:
    try:
        execution = tags_of(clients.sagemaker, arn).get(EXECUTION_TAG, "")
    except ClientError as error:
        # The role may read the tags of what Kennel creates, so this is somebody else's; or it was
        # deleted meanwhile.
        if error_code(error) not in {"AccessDeniedException", "ResourceNotFound"}:
            raise
        return False
    return execution.startswith(settings.executions)
