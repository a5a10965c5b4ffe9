"""A failed image build on the offline cloud is the execution's cause."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from kennel.cloud.cloud import Cloud
from kennel.cloud.cloudformation.stack import client
from kennel.errors import KennelError
from kennel.execution import follow
from kennel.paths import ROOT, TEMPLATE
from tests.conftest import StartCloud
from tests.statemachine.offline_resources import endpoint, models_and_configs, scalable_targets


@pytest.fixture
def cloud(start_cloud: StartCloud, tmp_path: Path) -> Iterator[Cloud]:
    """A cloud with a broken build: its context is in another folder."""
    text = TEMPLATE.read_text()
    broken = text.replace(
        '$REPOSITORY_URI:$IMAGE_TAG" model\n', '$REPOSITORY_URI:$IMAGE_TAG" modell\n'
    )
    assert broken != text
    for name in ("functions", "model", "statemachine"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "template.yaml").write_text(broken)
    parameters = {"ServingImage": ""}  # so that the stack builds its own
    with start_cloud(
        stack_name="image", parameters=parameters, template=tmp_path / "template.yaml"
    ) as running:
        yield running


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
    assert "is FAILED (BUILD: Error while executing command: docker build" in reason
    assert "failed to read dockerfile: open modell/Dockerfile: no such file" in reason
    (build,) = client("codebuild", cloud.url).list_builds()["ids"]
    assert build in reason
    (group,) = [
        e
        for e in cloud.stack.of_type("AWS::Logs::LogGroup")
        if e.logical_id == "ImageBuildLogGroup"
    ]
    lines = client("logs", cloud.url).filter_log_events(logGroupName=group.name)["events"]
    assert any("modell/Dockerfile" in each["message"] for each in lines)
    assert "WaitForImage" in states
    assert "Release" not in states
    assert endpoint(cloud) is None
    assert models_and_configs(cloud) == scalable_targets(cloud) == []
