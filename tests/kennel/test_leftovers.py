"""What is left of a stack is found, all of it, and what is another's is not."""

import json
import secrets
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from kennel.cloud.cloud import Cloud
from kennel.cloud.cloudformation.stack import client
from kennel.deployed import Deployed
from kennel.deployment import read
from kennel.leftovers import Stack, leftovers
from tests.kennel.conftest import clients, scripted

IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/kennel/serving:1"
ROLE = "arn:aws:iam::123456789012:role/model"


class Account:
    """moto for what moto imitates; SageMaker's stand-in of an offline cloud beside it."""

    def __init__(self, url: str, sagemaker: Any) -> None:
        self.url = url
        self.sagemaker = sagemaker
        self.name = f"left-{secrets.token_hex(4)}"
        self.stack = Stack(self.name, self.name, (f"{self.name}/serving",), (), (self.name,))

    def left(self) -> dict[str, tuple[str, bool]]:
        connect = clients(self.url, {"sagemaker": self.sagemaker})
        return {each.kind: (each.name, each.costs) for each in leftovers(self.stack, connect)}


@pytest.fixture
def aws(account: str, bare_cloud: Cloud) -> Iterator[Account]:
    sagemaker = client("sagemaker", bare_cloud.url)
    made = Account(account, sagemaker)
    yield made
    for name in (made.name, f"x{made.name}"):
        for delete, parameter in (
            (sagemaker.delete_endpoint_config, "EndpointConfigName"),
            (sagemaker.delete_model, "ModelName"),
        ):
            try:
                delete(**{parameter: f"{name}-1"})
            except ClientError:  # most tests make none
                continue


def model(sagemaker: Any, name: str) -> None:
    sagemaker.create_model(ModelName=name, PrimaryContainer={"Image": IMAGE}, ExecutionRoleArn=ROLE)
    variant = {
        "VariantName": "AllTraffic",
        "ModelName": name,
        "InstanceType": "ml.c5.large",
        "InitialInstanceCount": 1,
    }
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])


def test_nothing_is_left_of_what_never_was(aws: Account) -> None:
    assert aws.left() == {}


def test_models_and_configurations_by_the_beginning_of_their_names(aws: Account) -> None:
    model(aws.sagemaker, f"{aws.name}-1")
    model(aws.sagemaker, f"x{aws.name}-1")  # holds the name, and is another's
    assert aws.left() == {
        "endpoint configuration": (f"{aws.name}-1", False),
        "model": (f"{aws.name}-1", False),
    }


def test_what_the_other_services_hold(aws: Account) -> None:
    name = aws.name
    template = json.dumps({"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}})
    client("cloudformation", aws.url).create_stack(StackName=name, TemplateBody=template)
    client("ecr", aws.url).create_repository(repositoryName=f"{name}/serving")
    client("s3", aws.url).create_bucket(Bucket=name)
    for group in (name, f"{name}-other"):
        logs = client("logs", aws.url)
        logs.create_log_group(logGroupName=f"/aws/sagemaker/Endpoints/{group}")
    for alarm in (f"TargetTracking-endpoint/{name}/variant/AllTraffic-1", "TargetTracking-other"):
        client("cloudwatch", aws.url).put_metric_alarm(
            AlarmName=alarm,
            Namespace="AWS/SageMaker",
            MetricName="InvocationsPerInstance",
            Statistic="Sum",
            Period=60,
            EvaluationPeriods=3,
            Threshold=1,
            ComparisonOperator="GreaterThanThreshold",
        )
    client("application-autoscaling", aws.url).register_scalable_target(
        ServiceNamespace="sagemaker",
        ResourceId=f"endpoint/{name}/variant/AllTraffic",
        ScalableDimension="sagemaker:variant:DesiredInstanceCount",
        MinCapacity=1,
        MaxCapacity=5,
    )
    assert aws.left() == {
        "stack, CREATE_COMPLETE": (name, True),
        "ECR repository": (f"{name}/serving", True),
        "bucket": (name, True),
        "log group": (f"/aws/sagemaker/Endpoints/{name}", False),  # empty
        "alarm": (f"TargetTracking-endpoint/{name}/variant/AllTraffic-1", True),
        "scaling registration": (f"endpoint/{name}/variant/AllTraffic", False),
    }


def job(word: str, name: str) -> dict[str, Any]:
    kind = {"TrainingJob": "training-job", "TransformJob": "transform-job"}.get(word, "x")
    return {
        f"{word}Name": name,
        f"{word}Arn": f"arn:aws:sagemaker:us-east-1:123456789012:{kind}/{name}",
        f"{word}Status": "InProgress",
        "CreationTime": 0,
    }


def tags(*keys: str) -> tuple[str, Any]:
    return "list_tags", {"Tags": [{"Key": key, "Value": "x"} for key in keys]}


def test_running_jobs_and_what_tells_ours_from_others(account: str) -> None:
    training = [job("TrainingJob", name) for name in ("k-1-train", "k-2-train", "another")]
    transform = [job("TransformJob", "kennel-batch-1")]
    sagemaker = scripted(
        "sagemaker",
        ("describe_endpoint", "ValidationException"),
        ("list_hyper_parameter_tuning_jobs", {"HyperParameterTuningJobSummaries": []}),
        ("list_training_jobs", {"TrainingJobSummaries": training}),
        tags("kennel:execution"),
        tags("project"),  # a name like ours, and not ours
        ("list_transform_jobs", {"TransformJobSummaries": transform}),
        ("list_endpoint_configs", {"EndpointConfigs": []}),
        ("list_models", {"Models": []}),
    )
    left = list(leftovers(Stack("kennel", "kennel"), clients(account, {"sagemaker": sagemaker})))
    assert [(each.name, each.costs, each.command) for each in left] == [
        ("k-1-train", True, "aws sagemaker stop-training-job --training-job-name k-1-train"),
        (
            "kennel-batch-1",
            True,
            "aws sagemaker stop-transform-job --transform-job-name kennel-batch-1",
        ),
    ]


def test_an_endpoint_in_any_state_is_left_and_costs(account: str) -> None:
    answer = {
        "EndpointName": "kennel",
        "EndpointArn": "arn:aws:sagemaker:us-east-1:123456789012:endpoint/kennel",
        "EndpointStatus": "Failed",
        "CreationTime": 0,
        "LastModifiedTime": 0,
    }
    sagemaker = scripted("sagemaker", ("describe_endpoint", answer))
    connect = clients(account, {"sagemaker": sagemaker})
    first = next(iter(leftovers(Stack("kennel", "kennel"), connect)))
    assert (first.kind, first.name, first.costs) == ("endpoint, Failed", "kennel", True)


def test_what_cannot_be_looked_for_is_no_good_news(account: str) -> None:
    logs = scripted("logs", ("describe_log_groups", "AccessDeniedException"))
    sagemaker = scripted(
        "sagemaker",
        ("describe_endpoint", "AccessDeniedException"),
        ("list_hyper_parameter_tuning_jobs", "AccessDeniedException"),
        ("list_endpoint_configs", "AccessDeniedException"),
    )
    connect = clients(account, {"logs": logs, "sagemaker": sagemaker})
    left = {each.kind: each.costs for each in leftovers(Stack("kennel", "kennel"), connect)}
    assert left == {
        f"could not look for {what}": True
        for what in (
            "the endpoint",
            "running jobs",
            "endpoint configurations and models",
            "log groups",
        )
    }


def test_names_come_from_the_stack_where_it_is_there() -> None:
    wanted = read(None)
    group = "arn:aws:sagemaker:us-east-1:1:model-package-group/was"
    physical = {"Bucket": "kennel-bucket-abc", "Group": group}
    there = Deployed("CREATE_COMPLETE", {"EndpointName": "was", "KeepData": "false"}, {}, physical)
    stack = Stack.of(wanted, there)
    assert (stack.endpoint_name, stack.buckets, stack.keep_data) == (
        "was",
        ("kennel-bucket-abc",),
        False,
    )
    assert there.name("Group") == "was"
    gone = Stack.of(wanted, None)
    assert (gone.endpoint_name, gone.buckets) == ("kennel", ())  # CloudFormation makes that one up
