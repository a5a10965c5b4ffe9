import json
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from common.failures import JobRefused, PreflightFailed
from start_tuning.tuning import parameter_ranges, start_tuning
from tests.functions.aws_account import BUCKET, Account
from tests.functions.training import (
    EXECUTION,
    JOB,
    PRIVATE,
    SETTINGS,
    SPACE,
    assert_private,
    channels,
    only_request,
)
from tests.stack import ROOT

TUNE = {"max_jobs": 20, "parallel": 4}


def run(account: Account) -> Any:
    return start_tuning(JOB, TUNE, SPACE, SETTINGS, account.sagemaker)


def test_trials_run_in_the_vpc_and_write_with_the_key() -> None:
    account = Account()
    start_tuning(JOB, TUNE, SPACE, PRIVATE, account.sagemaker)
    request = only_request(account, "CreateHyperParameterTuningJob")
    assert_private(request["TrainingJobDefinition"])


def test_request_of_the_tuning_job() -> None:
    account = Account()
    assert run(account) == {"job_name": EXECUTION.tuning_job}
    request = only_request(account, "CreateHyperParameterTuningJob")
    config = request["HyperParameterTuningJobConfig"]
    assert config["ResourceLimits"] == {
        "MaxNumberOfTrainingJobs": 20,
        "MaxParallelTrainingJobs": 4,
    }
    assert config["HyperParameterTuningJobObjective"] == {
        "Type": "Minimize",
        "MetricName": "valid:loss",
    }
    job = request["TrainingJobDefinition"]
    assert job["StaticHyperParameters"] == {
        "sagemaker_program": "train.py",
        "sagemaker_submit_directory": f"s3://{BUCKET}/code/abc/source.tar.gz",
        "epochs": "3",
    }
    assert channels(job) == {
        "train": f"s3://{BUCKET}/data/train/",
        "test": f"s3://{BUCKET}/data/test/",
    }
    assert job["StoppingCondition"] == {"MaxRuntimeInSeconds": 3600}
    assert request["Tags"] == [{"Key": "kennel:execution", "Value": EXECUTION.arn}]


def test_second_call_returns_the_first_calls_job() -> None:
    account = Account()
    assert run(account) == run(account)
    assert len(account.endpoints.jobs) == 1


def test_search_of_nothing_is_refused() -> None:
    account = Account()
    fixed = replace(
        JOB, hyperparameters=dict.fromkeys(("learning-rate", "batch-size", "epochs"), "1")
    )
    words = r"fixes all that is searched \(learning-rate, batch-size, epochs\)"
    with pytest.raises(PreflightFailed, match=words):
        start_tuning(fixed, TUNE, SPACE, SETTINGS, account.sagemaker)
    assert account.calls == []


def test_failed_job_is_refused() -> None:
    account = Account(
        jobs_end={"HyperParameterTuningJob": ("Failed", "No job succeeded.")}, polls=0
    )
    run(account)
    with pytest.raises(JobRefused, match=r"is Failed \(No job succeeded\.\)"):
        run(account)


def test_error_of_aws_is_not_wrapped() -> None:
    account = Account()
    account.refuse("CreateHyperParameterTuningJob", "ResourceLimitExceeded", "The quota is 0.")
    with pytest.raises(ClientError, match=r"The quota is 0\."):
        run(account)


def test_ranges_are_text_and_leave_out_fixed_parameters() -> None:
    assert parameter_ranges(SPACE, {"epochs"}) == {
        "ContinuousParameterRanges": [
            {
                "Name": "learning-rate",
                "MinValue": "0.001",
                "MaxValue": "0.03",
                "ScalingType": "Logarithmic",
            }
        ],
        "CategoricalParameterRanges": [{"Name": "batch-size", "Values": ["32", "64"]}],
    }
    assert set(parameter_ranges(SPACE, {"batch-size", "learning-rate"})) == {
        "IntegerParameterRanges"
    }
    assert parameter_ranges(SPACE, set())["IntegerParameterRanges"] == [
        {"Name": "epochs", "MinValue": "5", "MaxValue": "50", "ScalingType": "Linear"}
    ]


def test_ranges_of_the_shipped_search_space() -> None:
    space = json.loads((ROOT / "model" / "search_space.json").read_text())
    ranges: Any = parameter_ranges(space, set())
    names = {each["Name"] for group in ranges.values() for each in group}
    assert names == {each["name"] for each in space["parameters"]}
