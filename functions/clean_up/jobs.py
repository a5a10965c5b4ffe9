"""Stops what an execution has running: its search, its training, its image build."""

from collections.abc import Mapping
from typing import Any

from clean_up.clients import Clients, CodeBuild
from common.execution import EXECUTION_TAG, Execution
from common.sagemaker import described
from common.tags import tags_of

__all__ = ["stop_jobs"]

_EXECUTION_VARIABLE = "KENNEL_EXECUTION"  # set by EnsureImage
_LOOK_BACK = 20  # newest builds of the project


def stop_jobs(execution: Execution, project: str, clients: Clients) -> list[str]:
    """Stop them; one that has ended, or is somebody else's, is left alone.

    Returns
    -------
    list of str
        A line for each that was stopped.
    """
    sagemaker = clients.sagemaker
    did = []
    search = described(
        sagemaker.describe_hyper_parameter_tuning_job,
        HyperParameterTuningJobName=execution.tuning_job,
    )
    if _runs(search, "HyperParameterTuningJob", execution, clients):
        sagemaker.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName=execution.tuning_job)
        did.append(f"stopped the job {execution.tuning_job}")
    job = described(sagemaker.describe_training_job, TrainingJobName=execution.training_job)
    if _runs(job, "TrainingJob", execution, clients):
        sagemaker.stop_training_job(TrainingJobName=execution.training_job)
        did.append(f"stopped the job {execution.training_job}")
    return did + _stop_builds(execution, project, clients.codebuild)


def _runs(job: Mapping[str, Any] | None, kind: str, execution: Execution, clients: Clients) -> bool:
    """Tell whether it is there, runs, and is this execution's."""
    if job is None or job[f"{kind}Status"] != "InProgress":
        return False
    return tags_of(clients.sagemaker, job[f"{kind}Arn"]).get(EXECUTION_TAG) == execution.arn


def _stop_builds(execution: Execution, project: str, codebuild: CodeBuild) -> list[str]:
    if not project:
        return []
    ids = codebuild.list_builds_for_project(projectName=project, sortOrder="DESCENDING")["ids"]
    if not ids:
        return []
    did = []
    for build in codebuild.batch_get_builds(ids=ids[:_LOOK_BACK])["builds"]:
        variables = build.get("environment", {}).get("environmentVariables", [])
        own = {"name": _EXECUTION_VARIABLE, "value": execution.arn}
        if build["buildStatus"] == "IN_PROGRESS" and any(
            own.items() <= each.items() for each in variables
        ):
            codebuild.stop_build(id=build["id"])
            did.append(f"stopped the build {build['id']}")
    return did
