import re
from typing import Any

import pytest

from common.execution import Execution
from register.package import register
from tests.functions.aws_account import Account
from tests.functions.model_package import LIVE, evaluation

EXECUTION = Execution("arn:aws:states:us-east-1:123456789012:execution:machine:one")


def judgement(accepted: bool, live: Any = LIVE) -> dict[str, Any]:
    return {
        "accepted": accepted,
        "reason": "It recognises 91.0% of 100 test photos, and so on; (95 %).",
        "evaluation": evaluation(live=live),
        "candidate": {
            "prefix": "models/k/parts/",
            "model_data_url": "s3://kennel-bucket/models/k/output/model.tar.gz",
            "smoke_breed": "Bull Mastiff",
            "evaluation_url": "s3://kennel-bucket/models/k/parts/evaluation.json",
        },
    }


@pytest.mark.parametrize(("accepted", "status"), [(True, "Approved"), (False, "Rejected")])
def test_version_has_the_decision_and_both_evaluations(accepted: bool, status: str) -> None:
    account = Account()
    result = register(EXECUTION, judgement(accepted), "image:1", "kennel", account.sagemaker)
    (version,) = account.endpoints.packages
    assert result == {"package_arn": version["arn"], "status": status}
    assert version["ModelApprovalStatus"] == status
    metadata = version["CustomerMetadataProperties"]
    assert metadata["kennel:top1"] == "0.9100"
    assert metadata["kennel:live-top1"] == "0.9000"
    assert metadata["kennel:live-model"] == "kennel@1"
    assert metadata["kennel:execution"] == EXECUTION.arn
    allowed = re.compile(r"[\w\s.:/=+\-@]{1,256}")  # botocore's pattern
    assert all(allowed.fullmatch(value) for value in metadata.values())
    statistics = version["ModelMetrics"]["ModelQuality"]["Statistics"]
    assert statistics["S3Uri"].endswith("/parts/evaluation.json")


def test_without_a_live_model() -> None:
    account = Account()
    register(EXECUTION, judgement(True, None), "image:1", "kennel", account.sagemaker)
    assert account.endpoints.packages[0]["CustomerMetadataProperties"]["kennel:live-top1"] == "none"


def test_second_call_gives_the_same_version() -> None:
    account = Account()
    first, second = (
        register(EXECUTION, judgement(True), "image:1", "kennel", account.sagemaker)
        for _ in range(2)
    )
    assert first == second
    assert len(account.endpoints.packages) == 1
