"""Stop an execution's tuning job, training job and image build."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from clean_up.clients import Clients
from common.execution import EXECUTION_TAG, Execution
from common.sagemaker import describe_or_none
from common.tags import tags_of

if TYPE_CHECKING:
    from types_boto3_codebuild.client import CodeBuildClient

__all__ = ["stop_jobs"]

_EXECUTION_VARIABLE = "KENNEL_EXECUTION"  # set by EnsureImage
_LATEST_BUILDS = 20  # builds of the project that are looked at


def stop_jobs(execution: Execution, project: str, clients: Clients) -> list[str]:
    """Stop the execution's running jobs and builds; those of other executions are left alone.

    Returns
    -------
    list of str
        One line for each job or build that was stopped.
    """
    sagemaker = clients.sagemaker
    actions = []
    tuning_job = describe_or_none(
        sagemaker.describe_hyper_parameter_tuning_job,
        HyperParameterTuningJobName=execution.tuning_job,
    )
    if _is_running(tuning_job, "HyperParameterTuningJob", execution, clients):
        sagemaker.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName=execution.tuning_job)
        actions.append(f"stopped the job {execution.tuning_job}")
    training_job = describe_or_none(
        sagemaker.describe_training_job, TrainingJobName=execution.training_job
    )
    if _is_running(training_job, "TrainingJob", execution, clients):
        sagemaker.stop_training_job(TrainingJobName=execution.training_job)
        actions.append(f"stopped the job {execution.training_job}")
    return actions + _stop_builds(execution, project, clients.codebuild)


def _is_running(
    job: Mapping[str, Any] | None, kind: str, execution: Execution, clients: Clients
) -> bool:
    """Return whether the job exists, is in progress and belongs to this execution."""
    if job is None or job[f"{kind}Status"] != "InProgress":
        return False
    return tags_of(clients.sagemaker, job[f"{kind}Arn"]).get(EXECUTION_TAG) == execution.arn


def _stop_builds(execution: Execution, project: str, codebuild: CodeBuildClient) -> list[str]:
    if not project:
        return []
    ids = codebuild.list_builds_for_project(projectName=project, sortOrder="DESCENDING")["ids"]
    if not ids:
        return []
    actions = []
    own_variable = {"name": _EXECUTION_VARIABLE, "value": execution.arn}
    for build in codebuild.batch_get_builds(ids=ids[:_LATEST_BUILDS])["builds"]:
        variables = build.get("environment", {}).get("environmentVariables", [])
        if build["buildStatus"] == "IN_PROGRESS" and any(
            own_variable.items() <= variable.items() for variable in variables
        ):
            codebuild.stop_build(id=build["id"])
            actions.append(f"stopped the build {build['id']}")
    return actions
