"""An image build that fails or is refused on the offline cloud is the execution's cause."""

from collections.abc import Iterator

import pytest

from kennel.cloud.cloud import Cloud
from kennel.cloud.runtime.clients import client
from kennel.cloud.runtime.faults import Fault, Faults
from kennel.cloud.servicequotas.quotas import BUILDS
from kennel.errors import KennelError
from kennel.execution import follow
from tests.conftest import StartCloud
from tests.statemachine.offline_resources import endpoint, models_and_configs, scalable_targets

REASON = "Error while executing command: docker build. Reason: exit status 1"


@pytest.fixture
def cloud(start_cloud: StartCloud) -> Iterator[Cloud]:
    """A cloud that makes a serving image of its own, whose first build fails."""
    parameters = {"ServingImage": ""}
    faults = Faults([Fault("StartBuild", "fail", REASON)])
    with start_cloud(stack_name="image", parameters=parameters, faults=faults) as running:
        yield running


@pytest.mark.slow
def test_failed_image_build_is_the_executions_cause(cloud: Cloud) -> None:
    states: list[str] = []
    with pytest.raises(KennelError) as raised:
        follow(
            cloud.url,
            cloud.stack.outputs["StateMachineArn"],
            {},
            lambda state: states.append(state.name),
        )
    reason = str(raised.value)
    assert "The build of the serving image" in reason
    assert f"is FAILED (BUILD: {REASON})" in reason
    (build,) = client("codebuild", cloud.url).list_builds()["ids"]
    assert build in reason
    (group,) = [
        e
        for e in cloud.stack.of_type("AWS::Logs::LogGroup")
        if e.logical_id == "ImageBuildLogGroup"
    ]
    lines = client("logs", cloud.url).filter_log_events(logGroupName=group.name)["events"]
    assert [each["message"] for each in lines] == [REASON]
    assert "WaitForImage" in states
    assert "Release" not in states
    assert endpoint(cloud) is None
    assert models_and_configs(cloud) == scalable_targets(cloud) == []


@pytest.mark.slow
def test_account_that_may_run_no_build_is_the_executions_cause(start_cloud: StartCloud) -> None:
    parameters = {"ServingImage": "", "CheckQuotas": "no"}  # else Preflight stops it
    with start_cloud(stack_name="image", parameters=parameters, quotas={BUILDS: 0}) as cloud:
        with pytest.raises(KennelError) as raised:
            follow(cloud.url, cloud.stack.outputs["StateMachineArn"], {}, lambda state: None)
        reason = str(raised.value)
        assert "Cannot have more than 0 builds in queue for the account" in reason
        assert "Ask for 1 or more in Service Quotas" in reason
        assert client("codebuild", cloud.url).list_builds()["ids"] == []
        assert endpoint(cloud) is None
        assert models_and_configs(cloud) == scalable_targets(cloud) == []
