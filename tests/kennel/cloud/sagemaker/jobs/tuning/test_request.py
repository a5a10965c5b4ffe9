"""The training job of a trial."""

from typing import Any

import pytest

from kennel.cloud.sagemaker.jobs.tuning.request import training_request


@pytest.mark.parametrize(
    "resources",
    [
        {"InstanceType": "ml.m5.large", "InstanceCount": 2, "VolumeSizeInGB": 30},
        {
            "AllocationStrategy": "Prioritized",
            "InstanceConfigs": [
                {"InstanceType": "ml.m5.large", "InstanceCount": 2, "VolumeSizeInGB": 30},
                {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 30},
            ],
        },
    ],
)
def test_a_trial_gets_the_tuning_jobs_first_instances(resources: dict[str, Any]) -> None:
    definition = {"RoleArn": "role", "HyperParameterTuningResourceConfig": resources}
    assert training_request(definition, "trial", {"lr": "0.1"}) == {
        "TrainingJobName": "trial",
        "RoleArn": "role",
        "HyperParameters": {"lr": "0.1"},
        "ResourceConfig": {
            "InstanceType": "ml.m5.large",
            "InstanceCount": 2,
            "VolumeSizeInGB": 30,
        },
    }
