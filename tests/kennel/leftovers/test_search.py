"""All leftovers of a stack are found, and no resources of another."""

import json
import secrets
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from kennel.cloud.cloud import Cloud
from kennel.cloud.runtime.clients import client
from kennel.deployed import DeployedStack
from kennel.deployment import read
from kennel.leftovers.names import StackNames
from kennel.leftovers.search import find_leftovers
from tests.kennel.conftest import clients, scripted

IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/kennel/serving:1"
ROLE = "arn:aws:iam::123456789012:role/model"


class Account:
    """An account: SageMaker of an offline cloud, moto for the other services."""

    def __init__(self, url: str, sagemaker: Any) -> None:
        self.url = url
        self.sagemaker = sagemaker
        self.name = f"left-{secrets.token_hex(4)}"
        self.names = StackNames(self.name, self.name, (f"{self.name}/serving",), (), (self.name,))

    def leftovers(self) -> dict[str, tuple[str, bool]]:
        connect = clients(self.url, {"sagemaker": self.sagemaker})
        return {each.kind: (each.name, each.costs) for each in find_leftovers(self.names, connect)}


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


def test_a_stack_that_never_existed_has_no_leftovers(aws: Account) -> None:
    assert aws.leftovers() == {}


def test_models_and_configurations_by_the_beginning_of_their_names(aws: Account) -> None:
    model(aws.sagemaker, f"{aws.name}-1")
    model(aws.sagemaker, f"x{aws.name}-1")  # contains the name, but is another stack's
    assert aws.leftovers() == {
        "endpoint configuration": (f"{aws.name}-1", False),
        "model": (f"{aws.name}-1", False),
    }


def test_leftovers_in_the_other_services(aws: Account) -> None:
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
    assert aws.leftovers() == {
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


NAMES = ("k-1-train", "k-2-train", "k-3-train", "another", "risk-2026")


def test_running_jobs_are_recognised_by_name_and_tag(account: str) -> None:
    training = [job("TrainingJob", name) for name in NAMES]
    transform = [job("TransformJob", "kennel-batch-1")]
    sagemaker = scripted(
        "sagemaker",
        ("describe_endpoint", "ValidationException"),
        ("list_hyper_parameter_tuning_jobs", {"HyperParameterTuningJobSummaries": []}),
        ("list_training_jobs", {"TrainingJobSummaries": training}),
        tags("kennel:execution"),
        tags("project"),  # a name like ours, and not ours
        ("list_tags", "AccessDeniedException"),  # another project's
        ("list_transform_jobs", {"TransformJobSummaries": transform}),
        ("list_endpoint_configs", {"EndpointConfigs": []}),
        ("list_models", {"Models": []}),
    )
    leftovers = list(
        find_leftovers(StackNames("kennel", "kennel"), clients(account, {"sagemaker": sagemaker}))
    )
    assert [(each.name, each.costs, each.command) for each in leftovers] == [
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
    first = next(iter(find_leftovers(StackNames("kennel", "kennel"), connect)))
    assert (first.kind, first.name, first.costs) == ("endpoint, Failed", "kennel", True)


def test_a_refused_search_counts_as_a_leftover(account: str) -> None:
    logs = scripted("logs", ("describe_log_groups", "AccessDeniedException"))
    sagemaker = scripted(
        "sagemaker",
        ("describe_endpoint", "AccessDeniedException"),
        ("list_hyper_parameter_tuning_jobs", "AccessDeniedException"),
        ("list_endpoint_configs", "AccessDeniedException"),
    )
    connect = clients(account, {"logs": logs, "sagemaker": sagemaker})
    leftovers = {
        each.kind: each.costs for each in find_leftovers(StackNames("kennel", "kennel"), connect)
    }
    assert leftovers == {
        f"could not look for {what}": True
        for what in (
            "the endpoint",
            "running jobs",
            "endpoint configurations and models",
            "log groups",
        )
    }


def test_names_come_from_the_deployed_stack_if_it_exists() -> None:
    deployment = read(None)
    group = "arn:aws:sagemaker:us-east-1:1:model-package-group/was"
    physical = {"Bucket": "kennel-bucket-abc", "Group": group}
    parameters = {"EndpointName": "was", "KeepData": "false"}
    deployed = DeployedStack("CREATE_COMPLETE", parameters, {}, physical)
    names = StackNames.of(deployment, deployed)
    assert (names.endpoint, names.buckets, names.keep_data) == (
        "was",
        ("kennel-bucket-abc",),
        False,
    )
    assert deployed.name("Group") == "was"
    names = StackNames.of(deployment, None)
    # No bucket: CloudFormation would make its name up.
    assert (names.endpoint, names.buckets) == ("kennel", ())
