"""The permission that each call needs; the calls are boto3's own requests."""

from collections.abc import Callable
from typing import Any, cast

import boto3
import botocore.session
import pytest
from botocore.awsrequest import AWSPreparedRequest
from botocore.config import Config

from kennel.cloud.iam.actions import required_permissions, table
from kennel.cloud.iam.requests import ApiCall, Signature, read_call
from kennel.cloud.runtime.errors import ServiceError

ACCOUNT = "123456789012"
ENDPOINT = f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:endpoint/kennel"
VARIANT = {
    "ServiceNamespace": "sagemaker",
    "ResourceId": "endpoint/kennel/variant/AllTraffic",
    "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
}


class Caught(Exception):  # noqa: N818
    """boto3's request, before it is sent."""


def sent(service: str, method: str, **given: Any) -> ApiCall:
    """Let boto3 write the request, and read it as the gateway does."""
    connect = cast("Callable[..., Any]", boto3.client)  # the types know literal names only
    aws = connect(
        service,
        endpoint_url="http://127.0.0.1:1",
        region_name="us-east-1",
        aws_access_key_id="SomeRole",
        aws_secret_access_key="offline",
        config=Config(s3={"addressing_style": "path"}),
    )

    def catch(request: AWSPreparedRequest, **_: Any) -> None:
        raise Caught(request)

    aws.meta.events.register("before-send", catch)
    with pytest.raises(Caught) as caught:
        getattr(aws, method)(**given)
    request = caught.value.args[0]
    headers = {
        name.lower(): value.decode() if isinstance(value, bytes) else value
        for name, value in request.headers.items()
    }
    signature = Signature.read(headers)
    assert signature is not None
    body = request.body or b""
    body = body.encode() if isinstance(body, str) else body
    body = body if isinstance(body, bytes) else b""
    return read_call(signature, request.method, request.url, headers, body)


def pairs(call: ApiCall) -> list[tuple[str, str]]:
    return [
        (each.action, each.resource.replace(ACCOUNT, "A"))
        for each in required_permissions(call, lambda _: "k-1")
    ]


@pytest.mark.parametrize(
    ("service", "method", "given", "expected"),
    [
        (
            "s3",
            "get_object",
            {"Bucket": "b", "Key": "a/b c"},
            ("s3:GetObject", "arn:aws:s3:::b/a/b c"),
        ),
        ("s3", "head_object", {"Bucket": "b", "Key": "k"}, ("s3:GetObject", "arn:aws:s3:::b/k")),
        (
            "s3",
            "get_object",
            {"Bucket": "b", "Key": "k", "VersionId": "1"},
            ("s3:GetObjectVersion", "arn:aws:s3:::b/k"),
        ),
        (
            "s3",
            "put_object",
            {"Bucket": "b", "Key": "k", "Body": b"x"},
            ("s3:PutObject", "arn:aws:s3:::b/k"),
        ),
        ("s3", "list_objects_v2", {"Bucket": "b"}, ("s3:ListBucket", "arn:aws:s3:::b")),
        (
            "s3",
            "list_object_versions",
            {"Bucket": "b"},
            ("s3:ListBucketVersions", "arn:aws:s3:::b"),
        ),
        ("s3", "list_buckets", {}, ("s3:ListAllMyBuckets", "*")),
        (
            "s3",
            "delete_object",
            {"Bucket": "b", "Key": "k"},
            ("s3:DeleteObject", "arn:aws:s3:::b/k"),
        ),
        (
            "s3",
            "create_multipart_upload",
            {"Bucket": "b", "Key": "k"},
            ("s3:PutObject", "arn:aws:s3:::b/k"),
        ),
        (
            "stepfunctions",
            "stop_execution",
            {"executionArn": "arn:aws:states:us-east-1:A:execution:m:e"},
            ("states:StopExecution", "arn:aws:states:us-east-1:A:execution:m:e"),
        ),
        (
            "sns",
            "publish",
            {"TopicArn": "arn:aws:sns:us-east-1:A:t", "Message": "m"},
            ("sns:Publish", "arn:aws:sns:us-east-1:A:t"),
        ),
        (
            "cloudwatch",
            "put_metric_data",
            {"Namespace": "n", "MetricData": [{"MetricName": "m", "Value": 1}]},
            ("cloudwatch:PutMetricData", "*"),
        ),
        (
            "cloudwatch",
            "describe_alarms",
            {"AlarmNames": ["x"]},
            ("cloudwatch:DescribeAlarms", "arn:aws:cloudwatch:us-east-1:A:alarm:*"),
        ),
        (
            "logs",
            "put_log_events",
            {
                "logGroupName": "g",
                "logStreamName": "s",
                "logEvents": [{"timestamp": 1, "message": "m"}],
            },
            ("logs:PutLogEvents", "arn:aws:logs:us-east-1:A:log-group:g:log-stream:s"),
        ),
        (
            "ecr",
            "describe_images",
            {"repositoryName": "kennel/serving"},
            ("ecr:DescribeImages", "arn:aws:ecr:us-east-1:A:repository/kennel/serving"),
        ),
        (
            "codebuild",
            "start_build",
            {"projectName": "p"},
            ("codebuild:StartBuild", "arn:aws:codebuild:us-east-1:A:project/p"),
        ),
        (
            "codebuild",
            "batch_get_builds",
            {"ids": ["p:1"]},
            ("codebuild:BatchGetBuilds", "arn:aws:codebuild:us-east-1:A:project/p"),
        ),
        (
            "codebuild",
            "batch_get_builds",
            {"ids": ["arn:aws:codebuild:us-east-1:A:build/p:1"]},
            ("codebuild:BatchGetBuilds", "arn:aws:codebuild:us-east-1:A:project/p"),
        ),
        (
            "ssm",
            "get_parameter",
            {"Name": "/a/b"},
            ("ssm:GetParameter", "arn:aws:ssm:us-east-1:A:parameter/a/b"),
        ),
        (
            "service-quotas",
            "get_service_quota",
            {"ServiceCode": "sagemaker", "QuotaCode": "L-1"},
            ("servicequotas:GetServiceQuota", "*"),
        ),
        (
            "application-autoscaling",
            "describe_scalable_targets",
            {"ServiceNamespace": "sagemaker"},
            ("application-autoscaling:DescribeScalableTargets", "*"),
        ),
        ("resourcegroupstaggingapi", "get_resources", {}, ("tag:GetResources", "*")),
        (
            "ec2",
            "terminate_instances",
            {"InstanceIds": ["i-1"]},
            ("ec2:TerminateInstances", "arn:aws:ec2:us-east-1:A:instance/i-1"),
        ),
        (
            "lambda",
            "invoke",
            {"FunctionName": "arn:aws:lambda:us-east-1:A:function:f", "Payload": b"no JSON"},
            ("lambda:InvokeFunction", "arn:aws:lambda:us-east-1:A:function:f"),
        ),
        (
            "sagemaker-runtime",
            "invoke_endpoint",
            {"EndpointName": "Kennel", "Body": b"x"},
            ("sagemaker:InvokeEndpoint", "arn:aws:sagemaker:us-east-1:A:endpoint/kennel"),
        ),
        (
            "sagemaker",
            "delete_model",
            {"ModelName": "m"},
            ("sagemaker:DeleteModel", "arn:aws:sagemaker:us-east-1:A:model/m"),
        ),
        (
            "events",
            "disable_rule",
            {"Name": "r"},
            ("events:DisableRule", "arn:aws:events:us-east-1:A:rule/r"),
        ),
    ],
)
def test_one_permission(
    service: str, method: str, given: dict[str, Any], expected: tuple[str, str]
) -> None:
    assert pairs(sent(service, method, **given)) == [expected]


def test_a_copy_reads_its_source_and_a_deletion_of_many_needs_each() -> None:
    source = {"Bucket": "from", "Key": "a b"}
    assert pairs(sent("s3", "copy_object", Bucket="to", Key="k", CopySource=source)) == [
        ("s3:PutObject", "arn:aws:s3:::to/k"),
        ("s3:GetObject", "arn:aws:s3:::from/a b"),
    ]
    keys = {"Objects": [{"Key": "1"}, {"Key": "2", "VersionId": "null"}]}
    assert pairs(sent("s3", "delete_objects", Bucket="b", Delete=keys)) == [
        ("s3:DeleteObject", "arn:aws:s3:::b/1"),
        ("s3:DeleteObject", "arn:aws:s3:::b/2"),
        ("s3:DeleteObjectVersion", "arn:aws:s3:::b/2"),
    ]


def test_registering_a_variant_needs_what_aws_checks_beside_it() -> None:
    call = sent("application-autoscaling", "register_scalable_target", **VARIANT)
    assert [action for action, _ in pairs(call)] == [
        "application-autoscaling:RegisterScalableTarget",
        "iam:CreateServiceLinkedRole",
        "sagemaker:DescribeEndpoint",
        "sagemaker:DescribeEndpointConfig",
        "sagemaker:UpdateEndpointWeightsAndCapacities",
    ]
    register, role, *_ = required_permissions(call)
    assert register.context["application-autoscaling:service-namespace"] == "sagemaker"
    assert role.context["iam:AWSServiceName"] == "sagemaker.application-autoscaling.amazonaws.com"
    assert ("sagemaker:DescribeEndpoint", ENDPOINT.replace(ACCOUNT, "A")) in pairs(call)


def test_condition_keys_come_from_the_request() -> None:
    (put,) = required_permissions(
        sent("s3", "put_object", Bucket="b", Key="k", Body=b"", IfNoneMatch="*")
    )
    assert put.context["s3:if-none-match"] == "*"
    (listing,) = required_permissions(sent("s3", "list_objects_v2", Bucket="b", Prefix="code/"))
    assert listing.context["s3:prefix"] == "code/"
    (plain,) = required_permissions(sent("s3", "list_objects_v2", Bucket="b"))
    assert "s3:prefix" not in plain.context


def test_a_call_that_the_table_does_not_have_is_refused_by_name() -> None:
    with pytest.raises(ServiceError, match="s3:PutBucketPolicy") as raised:
        required_permissions(sent("s3", "put_bucket_policy", Bucket="b", Policy="{}"))
    assert (raised.value.code, raised.value.status) == ("NotImplementedOffline", 501)


def test_a_call_without_the_name_of_its_resource_is_refused_in_awss_words() -> None:
    with pytest.raises(ServiceError, match="Value null at 'endpointConfigName' failed"):
        required_permissions(ApiCall("sagemaker", "CreateEndpoint", {"EndpointName": "e"}))


def test_the_table_names_operations_that_exist() -> None:
    session = botocore.session.get_session()
    for service, rules in table().items():
        known = set(session.get_service_model(service).operation_names)
        assert set(rules) - {"prefix"} <= known, service
