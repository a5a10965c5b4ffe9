import re
from typing import Any

import pytest

from common.execution import Execution
from judge.verdict import AcceptanceCriteria, judge
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


def reason_in_metadata(**live: Any) -> str:
    account = Account()
    verdict = judge(evaluation(live={**LIVE, **live}), AcceptanceCriteria(0.7, 0.02))
    sentence = {"reason": verdict["reason"]}
    register(EXECUTION, judgement(True) | sentence, "image:1", "kennel", account.sagemaker)
    (version,) = account.endpoints.packages
    assert version["ModelPackageDescription"] == verdict["reason"]
    return str(version["CustomerMetadataProperties"]["kennel:reason"])


def test_reason_keeps_its_percent_and_its_meaning() -> None:
    assert reason_in_metadata() == (
        "It recognises 91.0 percent of 100 test photos and the live model kennel@1 90.0 percent: "
        "a difference of +1.0 percent - 95 percent: -1.0 percent to +3.0 percent - not worse by "
        "more than the margin of 2.0 percent."
    )


def test_reason_is_cut_between_words_behind_the_number_of_missing_breeds() -> None:
    both = {"photos": 84, "top1": 0.92, "live_top1": 0.95}
    text = reason_in_metadata(breeds_missing=["Boxer", "Pug"], breeds_of_both=both)
    assert "percent. The live model lacks 2 of the 13 breeds" in text
    assert text.endswith("...")
    assert len(text) <= 256


def test_without_a_live_model() -> None:
    account = Account()
    register(EXECUTION, judgement(True, None), "image:1", "kennel", account.sagemaker)
    assert account.endpoints.packages[0]["CustomerMetadataProperties"]["kennel:live-top1"] == "none"


@pytest.mark.parametrize(("accepted", "status"), [(True, "Approved"), (False, "Rejected")])
def test_candidate_that_is_a_version_is_not_registered_again(accepted: bool, status: str) -> None:
    account = Account()
    given: dict[str, Any] = {"accepted": accepted, "candidate": {"version": "arn:version"}}
    result = register(
        EXECUTION, {**given, "evaluation": None}, "image:1", "kennel", account.sagemaker
    )
    assert result == {"package_arn": "arn:version", "status": status}
    assert account.calls == []


def test_second_call_gives_the_same_version() -> None:
    account = Account()
    first, second = (
        register(EXECUTION, judgement(True), "image:1", "kennel", account.sagemaker)
        for _ in range(2)
    )
    assert first == second
    assert len(account.endpoints.packages) == 1
