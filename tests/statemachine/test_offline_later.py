"""After a release on the offline cloud: load, an alarm in the bake, hours without a call, the end.

One cloud and one endpoint for all cases, which follow one another; the offline clock is skipped
where AWS counts in minutes or hours.
"""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError

from kennel.cloud.cloud import Cloud
from kennel.cloud.cloudformation.stack import client
from kennel.cloud.runtime.faults import Fault
from kennel.demo import samples
from kennel.execution import follow
from tests.conftest import StartCloud
from tests.statemachine.test_offline_ends import endpoint, made, targets, until

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
    """A cloud whose endpoint is live, and the mails that its topic has sent since."""

    cloud: Cloud
    output: dict[str, Any]
    queue: str

    @property
    def described(self) -> dict[str, Any]:
        found = endpoint(self.cloud)
        assert found is not None
        return dict(found)

    @property
    def instances(self) -> int:
        (variant,) = self.described["ProductionVariants"]
        return int(variant["CurrentInstanceCount"])

    def mails(self) -> list[dict[str, Any]]:
        """Give what was sent since it was last asked."""
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
    """Ask the endpoint from several sides at once."""
    photo, over = samples()[0].photo.read_bytes(), threading.Event()

    def ask() -> None:
        runtime = client("sagemaker-runtime", cloud.url)
        while not over.is_set():
            runtime.invoke_endpoint(EndpointName="kennel", ContentType="image/jpeg", Body=photo)

    threads = [threading.Thread(target=ask) for _ in range(CALLERS)]
    for each in threads:
        each.start()
    try:
        yield
    finally:
        over.set()
        for each in threads:
            each.join()


def test_requests_at_once_bring_an_instance_by_the_metric_of_ten_seconds(
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

        until(scaled, "second instance")


def test_alarm_in_the_bake_takes_the_update_back(released: Released) -> None:
    cloud = released.cloud
    until(lambda: released.described["EndpointStatus"] == "InService", "end of the scaling")
    before, there = released.described, made(cloud)
    registered, count = targets(cloud), released.instances
    states = client("stepfunctions", cloud.url)
    machine = cloud.stack.outputs["StateMachineArn"]
    arn = states.start_execution(stateMachineArn=machine, input="{}")["executionArn"]
    until(lambda: released.described["EndpointStatus"] == "Updating", "update")
    cloud.faults.add(Fault("InvokeEndpoint", "fail", "the new model is broken", times=10_000))

    def ended() -> bool:
        cloud.clock.skip(3)  # the alarm looks at a minute, the bake lasts ten
        return bool(states.describe_execution(executionArn=arn)["status"] != "RUNNING")

    until(ended, "end of the execution")
    cloud.faults.clear()
    done = states.describe_execution(executionArn=arn)
    assert (done["status"], done["error"]) == ("FAILED", "SmokeTestFailed")
    assert "SageMaker gave up the update and went back" in done["cause"]
    after = released.described
    assert after["EndpointStatus"] == "InService"
    assert after["EndpointConfigName"] == before["EndpointConfigName"]
    assert "kennel-errors" in after["FailureReason"]
    assert (made(cloud), released.instances) == (there, count)
    kept = ("ResourceId", "MinCapacity", "MaxCapacity")
    assert [{key: each[key] for key in kept} for each in targets(cloud)] == [
        {key: each[key] for key in kept} for each in registered
    ]
    mails = {each["Subject"]: each["Message"] for each in released.mails()}
    assert done["cause"] in mails["Kennel: an execution for kennel failed"]


def test_guard_warns_and_then_deletes_what_nobody_calls(released: Released) -> None:
    cloud = released.cloud
    logs = client("logs", cloud.url)
    (group,) = [e for e in cloud.stack.of_type("AWS::Logs::LogGroup") if "Guard" in e.logical_id]
    said: list[str] = []

    def looks() -> int:
        found = logs.filter_log_events(logGroupName=group.name, filterPattern="REPORT")
        return len(found["events"])

    def scaled_in() -> bool:
        cloud.clock.skip(60)
        return released.instances == 1 and released.described["EndpointStatus"] == "InService"

    until(scaled_in, "end of the scaling in")  # which is a change, and counts as one
    for _ in range(5):  # calls count until the end of their hour
        before = looks()
        cloud.clock.skip(3600)
        until(lambda before=before: looks() > before, "look of the guard")  # type: ignore[misc]
        said += [e["Message"] for e in released.mails() if "nobody calls" in e.get("Subject", "")]
        if any("was deleted" in each for each in said):
            break
    assert len(said) == 2
    assert re.match(r"Nobody has called the endpoint kennel for 1 hours\. After 2 it is", said[0])
    assert "so it was deleted" in said[1]
    until(lambda: endpoint(cloud) is None, "end of the endpoint")
    assert targets(cloud) == []


def test_stack_that_keeps_no_data_takes_the_bucket_along(released: Released) -> None:
    s3, bucket = client("s3", released.cloud.url), released.cloud.stack.outputs["BucketName"]
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] > 0
    released.cloud.delete_stack()
    with pytest.raises(ClientError, match="404"):
        s3.head_bucket(Bucket=bucket)
    assert made(released.cloud) == []
