"""Roll a canary back and scale out a real model in the whole offline cloud.

All calls go through boto3 and the gateway; the offline clock is skipped forward.
"""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from kennel.cloud.cloud import Cloud
from kennel.cloud.origins import TOKEN_HEADER
from kennel.cloud.runtime.clients import client
from kennel.demo import samples
from kennel.local_cloud import OFFLINE_IMAGE

ENDPOINT = "scaled"
RESOURCE = {
    "ServiceNamespace": "sagemaker",
    "ResourceId": f"endpoint/{ENDPOINT}/variant/AllTraffic",
    "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
}


class Caller:
    """Calls AWS as an operator does."""

    def __init__(self, cloud: Cloud) -> None:
        self.url = url = cloud.url
        self._control = {TOKEN_HEADER: cloud.control_token}
        self.sagemaker, self.runtime, self.scaling, self.cloudwatch = (
            client(service, url)
            for service in (
                "sagemaker",
                "sagemaker-runtime",
                "application-autoscaling",
                "cloudwatch",
            )
        )

    def skip(self, seconds: float) -> None:
        url = f"{self.url}/kennel/clock"
        httpx.post(url, json={"skip": seconds}, headers=self._control).raise_for_status()

    def until(self, condition: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
        """Wait until the endpoint's description meets the condition."""
        for _ in range(2400):
            description: dict[str, Any] = self.sagemaker.describe_endpoint(EndpointName=ENDPOINT)
            if condition(description):
                return description
            time.sleep(0.05)
        raise AssertionError(f"still {description}")

    def settled(self) -> dict[str, Any]:
        return self.until(
            lambda description: description["EndpointStatus"] in {"InService", "Failed"}
        )

    def config(self, name: str, package: str, count: int) -> None:
        role = "arn:aws:iam::123456789012:role/bare-ModelRole"
        container = {"Image": OFFLINE_IMAGE, "ModelDataUrl": package}
        self.sagemaker.create_model(
            ModelName=name, PrimaryContainer=container, ExecutionRoleArn=role
        )
        variant = {
            "VariantName": "AllTraffic",
            "ModelName": name,
            "InitialInstanceCount": count,
            "InstanceType": "ml.c5.large",
        }
        self.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])

    def classify(self, photo: bytes) -> bool:
        answer = self.runtime.invoke_endpoint(
            EndpointName=ENDPOINT, ContentType="image/jpeg", Body=photo
        )
        return bool(json.loads(answer["Body"].read())["is_dog"])


@pytest.fixture
def caller(bare_cloud: Cloud) -> Iterator[Caller]:
    caller = Caller(bare_cloud)
    file = bare_cloud.built["PublishBundleFunction"] / "bundle" / "model.tar.gz"
    bucket = bare_cloud.stack.outputs["BucketName"]
    client("s3", bare_cloud.url).upload_file(str(file), bucket, "packages/scaled/model.tar.gz")
    for name in ("scaled-one", "scaled-two"):
        caller.config(name, f"s3://{bucket}/packages/scaled/model.tar.gz", 2)
    caller.sagemaker.create_endpoint(EndpointName=ENDPOINT, EndpointConfigName="scaled-one")
    assert caller.settled()["EndpointStatus"] == "InService"
    yield caller
    caller.settled()
    caller.sagemaker.delete_endpoint(EndpointName=ENDPOINT)
    caller.sagemaker.get_waiter("endpoint_deleted").wait(
        EndpointName=ENDPOINT, WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )
    targets = caller.scaling.describe_scalable_targets(ServiceNamespace="sagemaker")
    assert RESOURCE["ResourceId"] not in str(targets["ScalableTargets"])


@pytest.fixture
def alarm(bare_cloud: Cloud) -> Iterator[str]:
    """Name of an alarm that the model's role may read, as it may the template's."""
    iam = client("iam", bare_cloud.url)
    policy = {"RoleName": "bare-ModelRole", "PolicyName": "another-alarm"}
    resource = "arn:aws:cloudwatch:us-east-1:123456789012:alarm:scaled-errors"
    statement = {"Effect": "Allow", "Action": "cloudwatch:DescribeAlarms", "Resource": resource}
    document = {"Version": "2012-10-17", "Statement": [statement]}
    iam.put_role_policy(**policy, PolicyDocument=json.dumps(document))
    yield "scaled-errors"
    iam.delete_role_policy(**policy)


@pytest.mark.slow
def test_an_alarm_rolls_a_canary_back_and_load_scales_out(caller: Caller, alarm: str) -> None:
    photo = samples()[0].photo.read_bytes()
    caller.cloudwatch.put_metric_alarm(
        AlarmName=alarm,
        Namespace="AWS/SageMaker",
        MetricName="Invocation5XXErrors",
        Dimensions=[{"Name": "EndpointName", "Value": ENDPOINT}],
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=0.0,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="notBreaching",
    )
    routing = {
        "Type": "CANARY",
        "WaitIntervalInSeconds": 3600,
        "CanarySize": {"Type": "INSTANCE_COUNT", "Value": 1},
    }
    caller.sagemaker.update_endpoint(
        EndpointName=ENDPOINT,
        EndpointConfigName="scaled-two",
        DeploymentConfig={
            "BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing},
            "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": alarm}]},
        },
    )
    caller.until(lambda description: "Baking" in json.dumps(description, default=str))
    assert all(caller.classify(photo) for _ in range(4))  # both fleets
    caller.cloudwatch.set_alarm_state(AlarmName=alarm, StateValue="ALARM", StateReason="tried")
    caller.skip(10)
    description = caller.settled()
    assert description["EndpointConfigName"] == "scaled-one"
    assert alarm in description["FailureReason"]

    caller.scaling.register_scalable_target(**RESOURCE, MinCapacity=1, MaxCapacity=3)
    policy = caller.scaling.put_scaling_policy(
        **RESOURCE,
        PolicyName="scaled",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={
            "TargetValue": 2.0,
            "PredefinedMetricSpecification": {
                "PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"
            },
        },
    )
    high = next(each for each in policy["Alarms"] if "AlarmHigh" in each["AlarmName"])
    for _ in range(10):  # three minutes are enough, if none of them ends between two photos
        for _ in range(6):  # 3 a minute for each of two instances
            assert caller.classify(photo)
        caller.skip(60)
        time.sleep(0.5)
        if caller.settled()["ProductionVariants"][0]["DesiredInstanceCount"] == 3:
            break
    caller.until(
        lambda description: description["ProductionVariants"][0]["CurrentInstanceCount"] == 3
    )
    described = caller.cloudwatch.describe_alarms(AlarmNames=[high["AlarmName"]])
    assert described["MetricAlarms"][0]["StateValue"] == "ALARM"
    caller.settled()
    assert caller.classify(photo)
