from dataclasses import replace
from typing import Any

import pytest

from common.execution import Execution
from common.failures import JobRefused, LiveModelUnusable
from start_training.training import start_training
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

TUNED = {"learning-rate": "0.004", "_tuning_objective_metric": "valid:loss"}


def run(account: Account, tuned: Any = TUNED) -> Any:
    return start_training(JOB, tuned, SPACE, SETTINGS, account.sagemaker)


def with_live(url: str, config: str = "kennel-1") -> Account:
    account = Account()
    account.endpoints.models["kennel-1"] = {"PrimaryContainer": {"ModelDataUrl": url}}
    variant = {"VariantName": "AllTraffic", "ModelName": "kennel-1", "InstanceType": "ml.c5.large"}
    account.endpoints.configs[config] = {
        "EndpointConfigName": config,
        "ProductionVariants": [variant],
    }
    account.endpoints.endpoint = {"EndpointConfigName": config, "EndpointStatus": "InService"}
    return account


def test_job_takes_the_best_hyperparameters_and_the_given_ones() -> None:
    account = Account()
    assert run(account) == {"job_name": EXECUTION.training_job}
    request = only_request(account, "CreateTrainingJob")
    assert request["HyperParameters"] == {
        "epochs": "3",
        "learning-rate": "0.004",
        "sagemaker_program": "train.py",
        "sagemaker_submit_directory": f"s3://{BUCKET}/code/abc/source.tar.gz",
    }
    assert request["OutputDataConfig"] == {"S3OutputPath": f"s3://{BUCKET}/models/"}
    assert request["ProfilerConfig"] == {"DisableProfiler": True}
    assert request["Tags"] == [{"Key": "kennel:execution", "Value": EXECUTION.arn}]
    assert "live" not in channels(request)


def test_job_runs_in_the_vpc_and_writes_with_the_key() -> None:
    account = Account()
    start_training(JOB, {}, SPACE, PRIVATE, account.sagemaker)
    assert_private(only_request(account, "CreateTrainingJob"))
    run(plain := Account())
    assert "VpcConfig" not in only_request(plain, "CreateTrainingJob")


def test_live_package_is_a_channel() -> None:
    account = with_live(f"s3://{BUCKET}/packages/old/model.tar.gz")
    run(account)
    live = channels(only_request(account, "CreateTrainingJob"))["live"]
    assert live == f"s3://{BUCKET}/packages/old/model.tar.gz"


def test_live_model_that_changed_by_hand_since_preflight_is_a_sentence() -> None:
    account = with_live(f"s3://{BUCKET}/packages/old/model.tar.gz", config="by-hand")
    account.refuse("DescribeEndpointConfig", "AccessDeniedException")
    with pytest.raises(LiveModelUnusable, match="runs the configuration by-hand"):
        run(account)
    assert account.endpoints.jobs == {}


def test_second_call_returns_the_first_calls_job() -> None:
    account = Account()
    assert run(account) == run(account)
    assert len(account.endpoints.jobs) == 1


def test_stopped_job_is_refused() -> None:
    account = Account()
    run(account)
    account.sagemaker.stop_training_job(TrainingJobName=EXECUTION.training_job)
    with pytest.raises(JobRefused, match="is Stopped already: start a new execution"):
        run(account)


def test_redriven_execution_starts_a_job_of_its_own() -> None:
    account = Account()
    run(account)
    account.sagemaker.stop_training_job(TrainingJobName=EXECUTION.training_job)
    redriven = Execution(EXECUTION.arn, redrive=1)
    job = replace(JOB, execution=redriven)
    result = start_training(job, TUNED, SPACE, SETTINGS, account.sagemaker)
    assert result == {"job_name": redriven.training_job}
    assert set(account.endpoints.jobs) == {EXECUTION.training_job, redriven.training_job}
