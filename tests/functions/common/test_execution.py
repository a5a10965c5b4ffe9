import re

import pytest

from common.execution import Execution

ARN = "arn:aws:states:eu-west-1:123456789012:execution:kennel-TrainAndDeploy-Ab12:my_first.run"
# botocore's own patterns and limits
SAGEMAKER_NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9])*")


def test_context_with_and_without_redrives() -> None:
    assert Execution.from_context({"Id": ARN, "RedriveCount": 2}) == Execution(ARN, 2)
    assert Execution.from_context({"Id": ARN}) == Execution(ARN, 0)  # moto's interpreter


def test_names_are_the_same_for_the_same_execution_and_other_for_another() -> None:
    names = {Execution(ARN).digest, Execution(ARN, 1).digest, Execution(f"{ARN}2").digest}
    assert len(names) == 3
    assert Execution(ARN).digest == Execution(ARN).digest


@pytest.mark.parametrize("endpoint_name", ["k", "kennel", "k" * 32])
def test_names_are_ones_that_sagemaker_takes_and_the_roles_cover(endpoint_name: str) -> None:
    execution = Execution(ARN)
    assert re.fullmatch(r"k-[0-9a-f]{20}-tune", execution.tuning_job)
    assert re.fullmatch(r"k-[0-9a-f]{20}-train", execution.training_job)
    assert len(execution.tuning_job) <= 32
    release = execution.release(endpoint_name)
    assert SAGEMAKER_NAME.fullmatch(release)
    assert len(release) <= 63
    assert release == release.lower()
    assert release.startswith(f"{endpoint_name}-")
