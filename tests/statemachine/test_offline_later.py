"""After a release on the offline cloud: autoscaling, rollback by an alarm, the guard, deletion.

The tests share one cloud and one endpoint and depend on their order; they advance the offline clock
where AWS takes minutes or hours.
"""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError

from kennel.cloud.cloud import Cloud
from kennel.cloud.runtime.clients import client
from kennel.cloud.runtime.faults import Fault
from kennel.demo import samples
from kennel.errors import KennelError
from kennel.execution import follow
from tests.conftest import StartCloud
from tests.kennel.packages import with_breed
from tests.statemachine.offline_resources import (
    endpoint,
    models_and_configs,
    scalable_targets,
    wait_until,
)

pytestmark = pytest.mark.slow  # tests of each part: tests/kennel/cloud, tests/functions

PARAMETERS = {
    "ScalingMetric": "concurrency",
    "TargetConcurrencyPerInstance": "1",
    "MaxInstances": "2",
    "BakeSeconds": "600",
    "IdleHours": "1",
    "IdleAction": "delete",
    "KeepData": "false",
}
CALLERS = 6


@dataclass
class Released:
    """A cloud with a live endpoint, and a queue with the messages of its topic."""

    cloud: Cloud
    output: dict[str, Any]
    queue: str

    @property
    def described(self) -> dict[str, Any]:
        description = endpoint(self.cloud)
        assert description is not None
        return dict(description)

    @property
    def instances(self) -> int:
        (variant,) = self.described["ProductionVariants"]
        return int(variant["CurrentInstanceCount"])

    def messages(self) -> list[dict[str, Any]]:
        """Return the messages since the last call."""
        answer = client("sqs", self.cloud.url).receive_message(
            QueueUrl=self.queue, MaxNumberOfMessages=10
        )
        return [json.loads(each["Body"]) for each in answer.get("Messages", [])]


@pytest.fixture(scope="module")
def released(start_cloud: StartCloud) -> Iterator[Released]:
    with start_cloud(stack_name="later", parameters=PARAMETERS) as cloud:
        output = follow(cloud.url, cloud.stack.outputs["StateMachineArn"], {}, lambda state: None)
        sqs = client("sqs", cloud.url)
        queue = sqs.create_queue(QueueName="mails")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
        (topic,) = cloud.stack.of_type("AWS::SNS::Topic")
        client("sns", cloud.url).subscribe(
            TopicArn=topic.arn, Protocol="sqs", Endpoint=arn["Attributes"]["QueueArn"]
        )
        yield Released(cloud, output, queue)


@contextmanager
def load(cloud: Cloud) -> Iterator[None]:
    """Invoke the endpoint in several threads."""
    photo, stop = samples()[0].photo.read_bytes(), threading.Event()

    def invoke() -> None:
        runtime = client("sagemaker-runtime", cloud.url)
        while not stop.is_set():
            runtime.invoke_endpoint(EndpointName="kennel", ContentType="image/jpeg", Body=photo)

    threads = [threading.Thread(target=invoke) for _ in range(CALLERS)]
    for each in threads:
        each.start()
    try:
        yield
    finally:
        stop.set()
        for each in threads:
            each.join()


def breeds(cloud: Cloud) -> list[str]:
    """Return what GET /breeds answers."""
    answer = httpx.get(f"{cloud.api_url}/breeds")
    answer.raise_for_status()
    listed: list[str] = answer.json()["breeds"]
    return listed


def breeds_status(cloud: Cloud) -> int:
    """Return the status of GET /breeds."""
    return httpx.get(f"{cloud.api_url}/breeds").status_code


def test_change_by_hand_is_published_and_stops_an_execution_before_any_job(
    released: Released, tmp_path: Path
) -> None:
    cloud, sagemaker = released.cloud, client("sagemaker", released.cloud.url)
    s3, bucket = client("s3", cloud.url), cloud.stack.outputs["BucketName"]
    key = released.output["bundle"]["prefix"] + "model.tar.gz"
    package = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    by_hand = f"packages/{0:020}/model.tar.gz"
    changed = with_breed(tmp_path / "model.tar.gz", package, breeds(cloud)[-1], "Zamalek Hound")
    s3.upload_file(str(changed), bucket, by_hand)
    previous = released.described["EndpointConfigName"]
    config = sagemaker.describe_endpoint_config(EndpointConfigName=previous)
    (variant,) = config["ProductionVariants"]
    model = sagemaker.describe_model(ModelName=variant["ModelName"])
    container = {**model["PrimaryContainer"], "ModelDataUrl": f"s3://{bucket}/{by_hand}"}
    sagemaker.create_model(
        ModelName="by-hand",
        PrimaryContainer=container,
        ExecutionRoleArn=model["ExecutionRoleArn"],
    )
    sagemaker.create_endpoint_config(
        EndpointConfigName="by-hand", ProductionVariants=[{**variant, "ModelName": "by-hand"}]
    )
    before = breeds(cloud)
    assert "Zamalek Hound" not in before
    sagemaker.update_endpoint(EndpointName="kennel", EndpointConfigName="by-hand")
    wait_until(lambda: "Zamalek Hound" in breeds(cloud), "new list of breeds")
    assert len(breeds(cloud)) == len(before)
    with pytest.raises(KennelError, match="kennel runs the configuration by-hand, which the pipe"):
        follow(cloud.url, cloud.stack.outputs["StateMachineArn"], {}, lambda state: None)
    sagemaker.update_endpoint(EndpointName="kennel", EndpointConfigName=previous)
    wait_until(lambda: breeds(cloud) == before, "old list of breeds")
    sagemaker.delete_endpoint_config(EndpointConfigName="by-hand")
    sagemaker.delete_model(ModelName="by-hand")
    released.messages()  # of the refused execution


def test_concurrent_requests_scale_out_by_the_high_resolution_metric(
    released: Released,
) -> None:
    cloud = released.cloud
    assert released.output["autoscaling"]["metric"] == "concurrency"
    scaling = client("application-autoscaling", cloud.url)
    (policy,) = scaling.describe_scaling_policies(ServiceNamespace="sagemaker")["ScalingPolicies"]
    followed = policy["TargetTrackingScalingPolicyConfiguration"]
    metric = "SageMakerVariantConcurrentRequestsPerModelHighResolution"
    assert followed["PredefinedMetricSpecification"]["PredefinedMetricType"] == metric
    assert (followed["TargetValue"], followed["ScaleOutCooldown"]) == (1.0, 30)
    assert released.instances == 1
    with load(cloud):

        def scaled() -> bool:
            cloud.clock.skip(10)
            return released.instances == 2

        wait_until(scaled, "second instance")


def test_alarm_during_the_bake_rolls_the_update_back(released: Released) -> None:
    cloud = released.cloud
    wait_until(lambda: released.described["EndpointStatus"] == "InService", "end of the scaling")
    before, names = released.described, models_and_configs(cloud)
    registered, count = scalable_targets(cloud), released.instances
    states = client("stepfunctions", cloud.url)
    machine = cloud.stack.outputs["StateMachineArn"]
    arn = states.start_execution(stateMachineArn=machine, input="{}")["executionArn"]
    wait_until(lambda: released.described["EndpointStatus"] == "Updating", "update")
    cloud.faults.add(Fault("InvokeEndpoint", "fail", "the new model is broken", times=10_000))

    def ended() -> bool:
        cloud.clock.skip(3)  # the alarm looks at a minute, the bake lasts ten
        return bool(states.describe_execution(executionArn=arn)["status"] != "RUNNING")

    wait_until(ended, "end of the execution")
    cloud.faults.clear()
    done = states.describe_execution(executionArn=arn)
    assert (done["status"], done["error"]) == ("FAILED", "SmokeTestFailed")
    assert "SageMaker rolled the update back" in done["cause"]
    after = released.described
    assert after["EndpointStatus"] == "InService"
    assert after["EndpointConfigName"] == before["EndpointConfigName"]
    assert "kennel-errors" in after["FailureReason"]
    assert (models_and_configs(cloud), released.instances) == (names, count)
    kept = ("ResourceId", "MinCapacity", "MaxCapacity")
    assert [{key: each[key] for key in kept} for each in scalable_targets(cloud)] == [
        {key: each[key] for key in kept} for each in registered
    ]
    messages = {each["Subject"]: each["Message"] for each in released.messages()}
    assert done["cause"] in messages["Kennel: an execution for kennel failed"]


def test_guard_warns_of_an_idle_endpoint_and_then_deletes_it(released: Released) -> None:
    cloud = released.cloud
    logs = client("logs", cloud.url)
    (group,) = [e for e in cloud.stack.of_type("AWS::Logs::LogGroup") if "Guard" in e.logical_id]
    messages: list[str] = []

    def runs() -> int:
        reports = logs.filter_log_events(logGroupName=group.name, filterPattern="REPORT")
        return len(reports["events"])

    def scaled_in() -> bool:
        cloud.clock.skip(60)
        return released.instances == 1 and released.described["EndpointStatus"] == "InService"

    wait_until(scaled_in, "end of the scaling in")  # which is a change, and counts as one
    for _ in range(5):  # calls count until the end of their hour
        before = runs()
        cloud.clock.skip(3600)
        wait_until(lambda before=before: runs() > before, "run of the guard")  # type: ignore[misc]
        messages += [
            e["Message"] for e in released.messages() if "nobody calls" in e.get("Subject", "")
        ]
        if any("was deleted" in each for each in messages):
            break
    assert len(messages) == 2
    assert re.match(
        r"Nobody has called the endpoint kennel for 1 hours\. After 2 it is", messages[0]
    )
    assert "so it was deleted" in messages[1]
    wait_until(lambda: endpoint(cloud) is None, "end of the endpoint")
    assert scalable_targets(cloud) == []
    wait_until(lambda: breeds_status(cloud) == 503, "end of the list of breeds")


def test_stack_with_keep_data_false_deletes_the_bucket(released: Released) -> None:
    s3, bucket = client("s3", released.cloud.url), released.cloud.stack.outputs["BucketName"]
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] > 0
    released.cloud.delete_stack()
    with pytest.raises(ClientError, match="404"):
        s3.head_bucket(Bucket=bucket)
    assert models_and_configs(released.cloud) == []
