"""Tuning jobs by boto3, over scripts that print a loss.

The grid's training jobs run in AWS's toolkit, the others in one that starts faster.
"""

import copy
from typing import Any

import pytest
from botocore.exceptions import ClientError

from kennel.cloud.runtime.faults import Fault
from tests.kennel.cloud.sagemaker.conftest import Service
from tests.kennel.cloud.sagemaker.jobs.scripts import job

#: The loss is lowest where rate is 0.1 and kind is good.
LOSS = """
import argparse, math
arguments = argparse.ArgumentParser()
arguments.add_argument("--rate", type=float)
arguments.add_argument("--kind")
arguments = arguments.parse_args()
if arguments.kind == "broken":
    raise SystemExit(1)
loss = abs(math.log10(arguments.rate) + 1) + (arguments.kind != "good")
print(f"valid:loss={loss:.6f}")
"""


def tuning(service: Service, name: str, script: str = LOSS, **config: Any) -> dict[str, Any]:
    """Return a CreateHyperParameterTuningJob request."""
    training = job(service, name, script)
    static = training.pop("HyperParameters")
    del training["TrainingJobName"]
    ranges = {
        "ContinuousParameterRanges": [
            {"Name": "rate", "MinValue": "0.001", "MaxValue": "1", "ScalingType": "Logarithmic"}
        ],
        "CategoricalParameterRanges": [{"Name": "kind", "Values": ["good", "bad"]}],
    }
    return {
        "HyperParameterTuningJobName": name,
        "HyperParameterTuningJobConfig": {
            "Strategy": "Bayesian",
            "HyperParameterTuningJobObjective": {"Type": "Minimize", "MetricName": "valid:loss"},
            "ResourceLimits": {"MaxNumberOfTrainingJobs": 3, "MaxParallelTrainingJobs": 2},
            "ParameterRanges": ranges,
            "RandomSeed": 7,
            **config,
        },
        "TrainingJobDefinition": training | {"StaticHyperParameters": static},
    }


def ended(service: Service, name: str) -> dict[str, Any]:
    return service.wait(
        lambda: service.sagemaker.describe_hyper_parameter_tuning_job(
            HyperParameterTuningJobName=name
        ),
        lambda description: (
            description["HyperParameterTuningJobStatus"] in {"Completed", "Failed", "Stopped"}
        ),
    )


def jobs_of(service: Service, name: str, **more: Any) -> list[dict[str, Any]]:
    answer: Any = service.sagemaker.list_training_jobs_for_hyper_parameter_tuning_job(
        HyperParameterTuningJobName=name, **more
    )
    summaries: list[dict[str, Any]] = answer["TrainingJobSummaries"]
    return summaries


@pytest.fixture(scope="module")
def done(quick_service: Service) -> dict[str, Any]:
    request = tuning(quick_service, "search") | {"Tags": [{"Key": "owner", "Value": "me"}]}
    quick_service.sagemaker.create_hyper_parameter_tuning_job(**request)
    return ended(quick_service, "search")


def test_the_best_training_job_is_reported(quick_service: Service, done: dict[str, Any]) -> None:
    assert done["HyperParameterTuningJobStatus"] == "Completed"
    assert done["TrainingJobStatusCounters"]["Completed"] == 3
    assert done["ObjectiveStatusCounters"] == {"Succeeded": 3, "Pending": 0, "Failed": 0}
    jobs = jobs_of(quick_service, "search", SortBy="FinalObjectiveMetricValue")
    losses = [each["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] for each in jobs]
    assert losses == sorted(losses)
    best = done["BestTrainingJob"]
    assert best["TrainingJobName"] == jobs[0]["TrainingJobName"]
    assert set(best["TunedHyperParameters"]) == {"rate", "kind"}


def test_each_trial_is_a_training_job(quick_service: Service, done: dict[str, Any]) -> None:
    name = done["BestTrainingJob"]["TrainingJobName"]
    assert name.startswith("search-00")
    description = quick_service.sagemaker.describe_training_job(TrainingJobName=name)
    assert description["TuningJobArn"] == done["HyperParameterTuningJobArn"]
    hyperparameters = description["HyperParameters"]
    assert hyperparameters["_tuning_objective_metric"] == "valid:loss"
    assert hyperparameters["sagemaker_program"] == "train.py"
    assert done["BestTrainingJob"]["TunedHyperParameters"].items() <= hyperparameters.items()
    tags = quick_service.sagemaker.list_tags(ResourceArn=description["TrainingJobArn"])["Tags"]
    assert tags == [{"Key": "owner", "Value": "me"}]


def test_a_warm_start_reports_the_best_job_of_both_tuning_jobs(
    quick_service: Service, done: dict[str, Any]
) -> None:
    limits = {"MaxNumberOfTrainingJobs": 1, "MaxParallelTrainingJobs": 1}
    request = tuning(quick_service, "warm", ResourceLimits=limits)
    request["TrainingJobDefinition"]["StaticHyperParameters"] = copy.deepcopy(
        done["TrainingJobDefinition"]["StaticHyperParameters"]
    )
    request["WarmStartConfig"] = {
        "ParentHyperParameterTuningJobs": [{"HyperParameterTuningJobName": "search"}],
        "WarmStartType": "IdenticalDataAndAlgorithm",
    }
    quick_service.sagemaker.create_hyper_parameter_tuning_job(**request)
    description = ended(quick_service, "warm")
    objective = "FinalHyperParameterTuningJobObjectiveMetric"
    own, parents = description["BestTrainingJob"], done["BestTrainingJob"]
    overall = description["OverallBestTrainingJob"]
    assert overall[objective]["Value"] == pytest.approx(
        min(own[objective]["Value"], parents[objective]["Value"])
    )


@pytest.mark.slow
def test_a_grid_tries_each_combination_once(service: Service) -> None:
    request = tuning(
        service,
        "grid",
        Strategy="Grid",
        ParameterRanges={
            "CategoricalParameterRanges": [
                {"Name": "kind", "Values": ["good", "broken"]},
                {"Name": "rate", "Values": ["0.1"]},
            ]
        },
        ResourceLimits={"MaxParallelTrainingJobs": 2},
    )
    service.sagemaker.create_hyper_parameter_tuning_job(**request)
    description = ended(service, "grid")
    assert description["HyperParameterTuningJobStatus"] == "Completed"
    assert description["TrainingJobStatusCounters"] == {
        "Completed": 1,
        "InProgress": 0,
        "RetryableError": 0,
        "NonRetryableError": 1,
        "Stopped": 0,
    }
    assert description["BestTrainingJob"]["TunedHyperParameters"] == {"kind": "good", "rate": "0.1"}


def test_a_stop_ends_its_training_jobs(quick_service: Service) -> None:
    request = tuning(quick_service, "halt")
    quick_service.faults.add(Fault("CreateTrainingJob", "hang", times=2, name="halt-*"))
    quick_service.sagemaker.create_hyper_parameter_tuning_job(**request)
    quick_service.wait(
        lambda: quick_service.sagemaker.describe_hyper_parameter_tuning_job(
            HyperParameterTuningJobName="halt"
        ),
        lambda description: description["TrainingJobStatusCounters"]["InProgress"] == 2,
    )
    quick_service.sagemaker.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName="halt")
    description = ended(quick_service, "halt")
    assert description["HyperParameterTuningJobStatus"] == "Stopped"
    assert description["TrainingJobStatusCounters"]["Stopped"] == 2
    assert "BestTrainingJob" not in description
    with pytest.raises(ClientError, match="in status Stopped"):
        quick_service.sagemaker.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName="halt")


def test_five_failures_without_a_success_fail_the_tuning_job(quick_service: Service) -> None:
    quick_service.faults.add(Fault("CreateTrainingJob", "capacity", times=9, name="none-*"))
    limits = {"MaxNumberOfTrainingJobs": 9, "MaxParallelTrainingJobs": 1}
    request = tuning(quick_service, "none", ResourceLimits=limits)
    quick_service.sagemaker.create_hyper_parameter_tuning_job(**request)
    description = ended(quick_service, "none")
    assert description["HyperParameterTuningJobStatus"] == "Failed"
    assert description["FailureReason"].startswith("No training job succeeded after 5 attempts.")
    assert description["TrainingJobStatusCounters"]["NonRetryableError"] == 5
    assert all(
        each["FailureReason"].startswith("CapacityError") for each in jobs_of(quick_service, "none")
    )
