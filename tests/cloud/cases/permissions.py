"""Cases of calls that a role does not allow: each service denies them in its own format.

Every run of the pipeline covers the calls that roles allow.
"""

from typing import Any

from tests.cloud.conformance_case import Case, Refused

_IAM = "https://docs.aws.amazon.com/IAM/latest/UserGuide/"
_WORDS = f"{_IAM}troubleshoot_access-denied.html"
_REFERENCE = "https://docs.aws.amazon.com/service-authorization/latest/reference/"
_A = "us-east-1:123456789012"
_OTHER = {
    "ResourceId": "endpoint/another/variant/AllTraffic",
    "ServiceNamespace": "sagemaker",
    "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
}
_MODEL = {
    "ModelName": "kennel-0123456789abcdef0123",  # such as the release would choose
    "PrimaryContainer": {"Image": "kennel/serving:offline"},
}


def _denied(  # noqa: PLR0917 - a row of a table
    name: str,
    call: str,
    request: dict[str, Any],
    action: str,
    resource: str,
    source: str = _WORDS,
    *,
    role: str = "ClassifyRole",
    code: str = "AccessDeniedException",
    status: int = 400,
) -> Case:
    user = rf"User: arn:aws:sts::123456789012:assumed-role/bare-{role}/[A-Za-z-]+"
    message = (
        rf"{user} is not authorized to perform: {action} on resource: {resource} "
        rf"because no identity-based policy allows the {action} action"
    )
    return Case(name, call, request, Refused(code, message, status), source, caller=role)


_S3 = {"code": "AccessDenied", "status": 403}

CASES = [
    _denied(
        "S3 denies with AccessDenied and names user, action and object",
        "s3.get_object",
        {"Bucket": "$bucket", "Key": "live/breeds.json"},
        "s3:GetObject",
        r"arn:aws:s3:::[a-z-]+/live/breeds.json",
        f"{_REFERENCE}list_amazons3.html",
        **_S3,  # type: ignore[arg-type]
    ),
    _denied(
        "a missing object is denied to a role that may not list the bucket",
        "s3.get_object",
        {"Bucket": "$bucket", "Key": "live/nothing"},
        "s3:ListBucket",
        r"arn:aws:s3:::[a-z-]+",
        "https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html",
        role="PageRole",
        **_S3,  # type: ignore[arg-type]
    ),
    _denied(
        "a role that may read an object may not write it",
        "s3.put_object",
        {"Bucket": "$bucket", "Key": "live/breeds.json", "Body": b"[]"},
        "s3:PutObject",
        r"arn:aws:s3:::[a-z-]+/live/breeds.json",
        f"{_REFERENCE}list_amazons3.html",
        role="PageRole",
        **_S3,  # type: ignore[arg-type]
    ),
    _denied(
        "a condition on If-None-Match denies a write without the header",
        "s3.put_object",
        {"Bucket": "$bucket", "Key": "code/x/source.tar.gz", "Body": b""},
        "s3:PutObject",
        r"arn:aws:s3:::[a-z-]+/code/x/source.tar.gz",
        "https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes-enforce.html",
        role="PublishBundleRole",
        **_S3,  # type: ignore[arg-type]
    ),
    _denied(
        "a copy requires permission to write its target",
        "s3.copy_object",
        {"Bucket": "$bucket", "Key": "live/copy", "CopySource": "$bucket/live/breeds.json"},
        "s3:PutObject",
        r"arn:aws:s3:::[a-z-]+/live/copy",
        "https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html",
        role="PageRole",
        **_S3,  # type: ignore[arg-type]
    ),
    _denied(
        "a SageMaker action that the role does not allow is denied",
        "sagemaker.delete_endpoint",
        {"EndpointName": "kennel"},
        "sagemaker:DeleteEndpoint",
        rf"arn:aws:sagemaker:{_A}:endpoint/kennel",
        f"{_REFERENCE}list_amazonsagemakerai.html",
    ),
    _denied(
        "invoking another endpoint than the allowed one is denied",
        "sagemaker-runtime.invoke_endpoint",
        {"EndpointName": "another", "Body": b"x"},
        "sagemaker:InvokeEndpoint",
        rf"arn:aws:sagemaker:{_A}:endpoint/another",
        f"{_REFERENCE}list_amazonsagemakerai.html",
    ),
    _denied(
        "passing another role than the allowed one is denied",
        "sagemaker.create_model",
        {**_MODEL, "ExecutionRoleArn": "arn:aws:iam::123456789012:role/another"},
        "iam:PassRole",
        "arn:aws:iam::123456789012:role/another",
        f"{_IAM}id_roles_use_passrole.html",
        role="ReleaseRole",
    ),
    _denied(
        "a model name outside the allowed prefix is denied",
        "sagemaker.create_model",
        {**_MODEL, "ModelName": "another", "ExecutionRoleArn": "$role"},
        "sagemaker:CreateModel",
        rf"arn:aws:sagemaker:{_A}:model/another",
        f"{_REFERENCE}list_amazonsagemakerai.html",
        role="ReleaseRole",
    ),
    _denied(
        "registering a variant requires permission to describe its endpoint",
        "application-autoscaling.register_scalable_target",
        {**_OTHER, "MinCapacity": 1, "MaxCapacity": 2},
        "sagemaker:DescribeEndpoint",
        rf"arn:aws:sagemaker:{_A}:endpoint/another",
        "https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling-prerequisites.html",
        role="ApplyAutoscalingRole",
    ),
    _denied(
        "a condition on the namespace denies another service's targets",
        "application-autoscaling.register_scalable_target",
        {
            "ServiceNamespace": "ecs",
            "ResourceId": "service/cluster/name",
            "ScalableDimension": "ecs:service:DesiredCount",
        },
        "application-autoscaling:RegisterScalableTarget",
        rf"arn:aws:application-autoscaling:{_A}:scalable-target/offline",
        f"{_REFERENCE}list_awsapplicationautoscaling.html",
        role="ApplyAutoscalingRole",
    ),
    _denied(
        "Lambda denies with status 403",
        "lambda.invoke",
        {"FunctionName": "bare-PageFunction", "Payload": b"{}"},
        "lambda:InvokeFunction",
        rf"arn:aws:lambda:{_A}:function:bare-PageFunction",
        f"{_REFERENCE}list_awslambda.html",
        status=403,
    ),
    _denied(
        "SNS denies with AuthorizationError",
        "sns.publish",
        {"TopicArn": f"arn:aws:sns:{_A}:another", "Message": "x"},
        "sns:Publish",
        rf"arn:aws:sns:{_A}:another",
        "https://docs.aws.amazon.com/sns/latest/api/API_Publish.html",
        code="AuthorizationError",
        status=403,
    ),
    _denied(
        "EC2 denies with UnauthorizedOperation",
        "ec2.describe_instances",
        {},
        "ec2:DescribeInstances",
        r"\*",
        "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html",
        code="UnauthorizedOperation",
        status=403,
    ),
    _denied(
        "IAM denies with AccessDenied",
        "iam.get_role",
        {"RoleName": "another"},
        "iam:GetRole",
        "arn:aws:iam::123456789012:role/another",
        "https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html",
        code="AccessDenied",
        status=403,
    ),
    _denied(
        "Step Functions denies stopping an execution",
        "stepfunctions.stop_execution",
        {"executionArn": f"arn:aws:states:{_A}:execution:machine:name"},
        "states:StopExecution",
        rf"arn:aws:states:{_A}:execution:machine:name",
        f"{_REFERENCE}list_awsstepfunctions.html",
    ),
    _denied(
        "CodeBuild denies starting another project",
        "codebuild.start_build",
        {"projectName": "another"},
        "codebuild:StartBuild",
        rf"arn:aws:codebuild:{_A}:project/another",
        f"{_REFERENCE}list_awscodebuild.html",
    ),
    _denied(
        "Parameter Store denies reading a parameter",
        "ssm.get_parameter",
        {"Name": "/a/secret"},
        "ssm:GetParameter",
        rf"arn:aws:ssm:{_A}:parameter/a/secret",
        f"{_REFERENCE}list_awssystemsmanager.html",
    ),
    _denied(
        "CloudWatch Logs denies writing another function's log",
        "logs.create_log_stream",
        {"logGroupName": "another", "logStreamName": "x"},
        "logs:CreateLogStream",
        rf"arn:aws:logs:{_A}:log-group:another:.*",
        f"{_REFERENCE}list_amazoncloudwatchlogs.html",
    ),
    _denied(
        "ECR denies reading another repository",
        "ecr.describe_images",
        {"repositoryName": "another"},
        "ecr:DescribeImages",
        rf"arn:aws:ecr:{_A}:repository/another",
        f"{_REFERENCE}list_amazonelasticcontainerregistry.html",
    ),
    Case(
        name="GetCallerIdentity requires no permission",
        call="sts.get_caller_identity",
        request={},
        expect={"Account": "123456789012"},
        source="https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html",
        caller="ClassifyRole",
    ),
]
