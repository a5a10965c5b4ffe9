"""Roles that SageMaker may assume, and the environment of a job that has one."""

import pytest

from kennel.cloud.runtime.errors import ServiceError
from kennel.cloud.sagemaker.account import Account


def test_a_jobs_process_has_its_roles_access_key() -> None:
    account = Account("http://127.0.0.1:1", {"arn:role": "TrainingRole"}.get)
    environment = account.environment("arn:role")
    assert environment["AWS_ACCESS_KEY_ID"] == "TrainingRole"
    assert environment["AWS_ENDPOINT_URL"] == environment["S3_ENDPOINT_URL"] == "http://127.0.0.1:1"
    with pytest.raises(ServiceError, match="Could not assume role arn:other"):
        account.check_role("arn:other")
