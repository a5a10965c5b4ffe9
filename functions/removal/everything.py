"""Everything that executions have made, removed in an order that leaves nothing behind.

First whatever could make more (executions, jobs, builds), then the endpoint, then what it needed.
Each call does what can be done now and lists what is still there.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from common.execution import EXECUTION_TAG
from common.registration import deregister
from common.sagemaker import BUSY, describe_endpoint
from common.tags import tags_of
from removal.bucket import empty
from removal.clients import Clients, pages

__all__ = ["Settings", "remove"]

_LOOK_BACK = 100  # newest builds of the project, as many as BatchGetBuilds takes


@dataclass(frozen=True, slots=True)
class Settings:
    """The environment of RemovalFunction."""

    endpoint_name: str  # ENDPOINT_NAME
    bucket: str  # BUCKET_NAME
    project: str  # PROJECT_NAME: of CodeBuild; empty where no image is built
    group: str  # MODEL_PACKAGE_GROUP
    machine_arn: str  # STATE_MACHINE_ARN
    keep_data: bool  # KEEP_DATA: whether the bucket outlives the stack

    @property
    def executions(self) -> str:
        """What the ARNs of this stack's executions begin with."""
        return self.machine_arn.replace(":stateMachine:", ":execution:") + ":"


def remove(settings: Settings, clients: Clients) -> list[str]:
    """Remove what can be removed now; what is still there, nothing at the end.

    Another stack's endpoint may have a name that begins with this one's, so that a name proves
    nothing: the execution in the tag must be one of this stack's.
    """
    left = [*_stop_executions(settings, clients)]
    left += _stop_jobs(settings, clients)
    left += _stop_builds(settings, clients)
    left += _endpoint(settings, clients)
    if left:
        return left
    _configs_and_models(settings, clients)
    for version in pages(
        clients.sagemaker.list_model_packages,
        "ModelPackageSummaryList",
        ModelPackageGroupName=settings.group,
    ):
        clients.sagemaker.delete_model_package(ModelPackageName=version["ModelPackageArn"])
    return [] if settings.keep_data else empty(clients.s3, settings.bucket)


def _stop_executions(settings: Settings, clients: Clients) -> Iterator[str]:
    running = pages(
        clients.states.list_executions,
        "executions",
        "nextToken",
        stateMachineArn=settings.machine_arn,
        statusFilter="RUNNING",
    )
    for execution in list(running):
        clients.states.stop_execution(
            executionArn=execution["executionArn"],
            error="StackDeleted",
            cause="The stack is being deleted.",
        )
        yield f"the execution {execution['executionArn'].rpartition(':')[2]}"


def _stop_jobs(settings: Settings, clients: Clients) -> Iterator[str]:
    sagemaker = clients.sagemaker
    kinds: tuple[tuple[str, str, str, Callable[..., Any], Callable[..., Any]], ...] = (
        (
            "HyperParameterTuningJob",
            "HyperParameterTuningJobSummaries",
            "k-",
            sagemaker.list_hyper_parameter_tuning_jobs,
            sagemaker.stop_hyper_parameter_tuning_job,
        ),
        (
            "TrainingJob",
            "TrainingJobSummaries",
            "k-",
            sagemaker.list_training_jobs,
            sagemaker.stop_training_job,
        ),
        (
            "TransformJob",
            "TransformJobSummaries",
            settings.endpoint_name,
            sagemaker.list_transform_jobs,
            sagemaker.stop_transform_job,
        ),
    )
    for kind, key, contains, list_jobs, stop in kinds:
        for job in list(pages(list_jobs, key, NameContains=contains, StatusEquals="InProgress")):
            name = job[f"{kind}Name"]
            if kind == "TransformJob":
                own = name.startswith(f"{settings.endpoint_name}-")
            else:
                own = _is_own(settings, clients, job[f"{kind}Arn"])
            if own:
                stop(**{f"{kind}Name": name})
                yield f"the job {name}"


def _stop_builds(settings: Settings, clients: Clients) -> Iterator[str]:
    if not settings.project:
        return
    listed = clients.codebuild.list_builds_for_project(
        projectName=settings.project, sortOrder="DESCENDING"
    )
    if not listed["ids"]:
        return
    for build in clients.codebuild.batch_get_builds(ids=listed["ids"][:_LOOK_BACK])["builds"]:
        if build["buildStatus"] == "IN_PROGRESS":
            clients.codebuild.stop_build(id=build["id"])
            yield f"the build {build['id']}"


def _endpoint(settings: Settings, clients: Clients) -> Iterator[str]:
    endpoint = describe_endpoint(clients.sagemaker, settings.endpoint_name)
    deregister(clients.autoscaling, settings.endpoint_name)
    if endpoint is None:
        return
    status = endpoint["EndpointStatus"]
    if status not in BUSY:
        clients.sagemaker.delete_endpoint(EndpointName=settings.endpoint_name)
    yield f"the endpoint {settings.endpoint_name}, which is {status}"


def _configs_and_models(settings: Settings, clients: Clients) -> None:
    prefix, sagemaker = f"{settings.endpoint_name}-", clients.sagemaker
    for kind, key, list_them, delete in (
        (
            "EndpointConfig",
            "EndpointConfigs",
            sagemaker.list_endpoint_configs,
            sagemaker.delete_endpoint_config,
        ),
        ("Model", "Models", sagemaker.list_models, sagemaker.delete_model),
    ):
        for each in list(pages(list_them, key, NameContains=prefix)):
            name, arn = each[f"{kind}Name"], each[f"{kind}Arn"]
            if name.startswith(prefix) and _is_own(settings, clients, arn):
                delete(**{f"{kind}Name": name})


def _is_own(settings: Settings, clients: Clients, arn: str) -> bool:
    execution = tags_of(clients.sagemaker, arn).get(EXECUTION_TAG, "")
    return execution.startswith(settings.executions)
