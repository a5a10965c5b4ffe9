import pytest
from botocore.exceptions import ClientError

from common.execution import Execution
from common.failures import JobRefused
from common.sagemaker import adopt, describe_endpoint
from tests.functions.aws_account import Account

EXECUTION = Execution("arn:aws:states:us-east-1:123456789012:execution:machine:one")


def job(account: Account, owner: str, status: str) -> dict[str, str]:
    account.endpoints.tags["arn:job"] = {"kennel:execution": owner}
    return {
        "TrainingJobName": "k-1-train",
        "TrainingJobArn": "arn:job",
        "TrainingJobStatus": status,
        "FailureReason": "it broke",
    }


@pytest.mark.parametrize("status", ["InProgress", "Completed"])
def test_own_job_is_reused(status: str) -> None:
    account = Account()
    existing = job(account, EXECUTION.arn, status)
    assert adopt(account.sagemaker, EXECUTION, existing, "TrainingJob") == {"job_name": "k-1-train"}


@pytest.mark.parametrize(
    ("owner", "status", "words"),
    [
        (EXECUTION.arn, "Failed", r"is Failed \(it broke\) already: start a new execution"),
        (EXECUTION.arn, "Stopped", "is Stopped"),
        (EXECUTION.arn, "Stopping", "is Stopping"),
        ("another", "InProgress", "is not this execution's"),
    ],
)
def test_other_job_is_refused(owner: str, status: str, words: str) -> None:
    account = Account()
    with pytest.raises(JobRefused, match=words):
        adopt(account.sagemaker, EXECUTION, job(account, owner, status), "TrainingJob")


def test_denied_describe_is_not_a_missing_endpoint() -> None:
    account = Account()
    assert describe_endpoint(account.sagemaker, "kennel") is None
    account.refuse("DescribeEndpoint", "AccessDeniedException")
    with pytest.raises(ClientError, match="AccessDeniedException"):
        describe_endpoint(account.sagemaker, "kennel")
