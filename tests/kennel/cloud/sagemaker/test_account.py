"""Roles that SageMaker may assume, and the environment of a job that has one."""

import pytest

from kennel.cloud.runtime.errors import ServiceError
from kennel.cloud.sagemaker.account import Account, may_be_assumed


def trust(*services: str) -> dict[str, object]:
    principal = {"Service": services[0] if len(services) == 1 else list(services)}
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    return {"AssumeRolePolicyDocument": {"Statement": [statement]}}


def test_only_a_role_that_trusts_sagemaker_may_be_assumed() -> None:
    assert may_be_assumed(trust("sagemaker.amazonaws.com"))
    assert may_be_assumed(trust("lambda.amazonaws.com", "sagemaker.amazonaws.com"))
    assert not may_be_assumed(trust("lambda.amazonaws.com"))


def test_a_jobs_process_has_its_roles_access_key() -> None:
    account = Account("http://127.0.0.1:1", {"arn:role": "TrainingRole"})
    environment = account.environment("arn:role")
    assert environment["AWS_ACCESS_KEY_ID"] == "TrainingRole"
    assert environment["AWS_ENDPOINT_URL"] == environment["S3_ENDPOINT_URL"] == "http://127.0.0.1:1"
    with pytest.raises(ServiceError, match="Could not assume role arn:other"):
        account.check_role("arn:other")
