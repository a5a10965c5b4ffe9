from typing import Any

import pytest

from clean_up.clients import Clients
from clean_up.jobs import stop_jobs
from common.execution import Execution
from common.images import ServingImage
from ensure_image.build import ImageBuildSettings, ensure_image
from start_training.training import start_training
from start_tuning.tuning import start_tuning
from tests.functions.aws_account import BUCKET, PROJECT, Account
from tests.functions.training import EXECUTION, JOB, SETTINGS, SPACE


def clients(account: Account) -> Clients:
    return Clients(account.sagemaker, account.autoscaling, account.codebuild, account.s3)


def run(account: Account, execution: Execution = EXECUTION) -> list[str]:
    return stop_jobs(execution, PROJECT, clients(account))


def busy(**more: Any) -> Account:
    """Return an account with a running build, tuning job and training job of the execution."""
    account = Account(polls=99, **more)
    start_tuning(JOB, {"max_jobs": 2, "parallel": 1}, SPACE, SETTINGS, account.sagemaker)
    start_training(JOB, {}, SPACE, SETTINGS, account.sagemaker)
    image = ImageBuildSettings(ServingImage("", "uri"), "kennel/serving", PROJECT, BUCKET)
    bundle = {"hash": "abc", "prefix": "code/abc/"}
    ensure_image(EXECUTION, bundle, image, account.ecr, account.codebuild)
    return account


def states(account: Account) -> set[str]:
    jobs = {job[f"{job['kind']}Status"] for job in account.endpoints.jobs.values()}
    return jobs | {build["buildStatus"] for build in account.builds.builds.values()}


def test_all_three_are_stopped_once() -> None:
    account = busy()
    assert run(account) == [
        f"stopped the job {EXECUTION.tuning_job}",
        f"stopped the job {EXECUTION.training_job}",
        f"stopped the build {PROJECT}:0",
    ]
    assert states(account) == {"Stopped", "STOPPED"}
    assert run(account) == []


def test_without_a_project_no_build_is_looked_for() -> None:
    account = busy()
    assert stop_jobs(EXECUTION, "", clients(account)) == [
        f"stopped the job {EXECUTION.tuning_job}",
        f"stopped the job {EXECUTION.training_job}",
    ]
    assert states(account) == {"Stopped", "IN_PROGRESS"}


def test_nothing_to_stop() -> None:
    assert run(Account()) == []


def test_jobs_of_another_execution_keep_running() -> None:
    account = busy()
    for tags in account.endpoints.tags.values():
        tags["kennel:execution"] = "another"
    assert run(account) == [f"stopped the build {PROJECT}:0"]
    assert run(busy(), Execution("another")) == []


@pytest.mark.parametrize("ended", ["Completed", "Failed"])
def test_ended_jobs_are_left_alone(ended: str) -> None:
    account = busy()
    for job in account.endpoints.jobs.values():
        job[f"{job['kind']}Status"] = ended
    assert run(account) == [f"stopped the build {PROJECT}:0"]
