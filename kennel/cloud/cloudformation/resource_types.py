"""The resource types of a template, and how the offline cloud runs each of them.

A row says how a type is named, what `Ref` and `Fn::GetAtt` return, and which part of the offline
cloud runs it. A type that is not in the table stops `kennel up`, so that nothing in a template is
ignored in silence.
"""

from dataclasses import dataclass, field
from typing import Literal

Runner = Literal["kennel", "moto", "ignored"]


@dataclass(frozen=True)
class ResourceType:
    """One resource type: its names, its references and what runs it."""

    runner: Runner
    #: How it behaves here, for docs/offline-cloud.md and `kennel up --explain`.
    here: str
    #: The property that holds a name chosen in the template.
    name_property: str | None = None
    #: A pattern of {region}, {account} and {name}.
    arn: str | None = None
    ref_is_arn: bool = False
    #: What `Ref` returns where it is neither name nor ARN, a pattern like `arn`.
    ref: str | None = None
    #: Characters of the id that AWS generates in place of a name; 0 where it is the name.
    id_length: int = 0
    #: Attributes of `Fn::GetAtt` beyond Arn, as patterns of {region}, {account} and {name}.
    attributes: dict[str, str] = field(default_factory=dict)


_GROUP_ARN = "arn:aws:sagemaker:{region}:{account}:model-package-group/{name}"

RESOURCE_TYPES: dict[str, ResourceType] = {
    "AWS::Lambda::Function": ResourceType(
        "kennel",
        "runs in AWS's Runtime Interface Emulator, a process an environment",
        "FunctionName",
        "arn:aws:lambda:{region}:{account}:function:{name}",
    ),
    "AWS::Lambda::LayerVersion": ResourceType(
        "kennel",
        "on the path of the functions that name it",
        "LayerName",
        "arn:aws:lambda:{region}:{account}:layer:{name}:1",
        ref_is_arn=True,
    ),
    "AWS::Lambda::Permission": ResourceType(
        "kennel", "recorded in the function's policy; the gateway may call every function"
    ),
    "AWS::ApiGateway::RestApi": ResourceType(
        "kennel",
        "routes, keys, media types and gateway responses of its Body are served",
        id_length=10,
        attributes={"RootResourceId": "{name}", "RestApiId": "{name}"},
    ),
    "AWS::ApiGateway::Deployment": ResourceType(
        "kennel",
        "a stage where it names one; a stage serves its API as it is now",
        id_length=6,
    ),
    "AWS::ApiGateway::Stage": ResourceType(
        "kennel", "its name is the first part of every path", "StageName"
    ),
    "AWS::ApiGateway::ApiKey": ResourceType(
        "kennel",
        "its Value, or a key that is generated once and kept with the state",
        id_length=10,
        attributes={"APIKeyId": "{name}"},
    ),
    "AWS::ApiGateway::UsagePlan": ResourceType(
        "kennel", "its rate, burst and quota are enforced", id_length=6
    ),
    "AWS::ApiGateway::UsagePlanKey": ResourceType("kennel", "ties the key to the plan"),
    "AWS::ApiGateway::Resource": ResourceType("kennel", "a part of its API's paths"),
    "AWS::ApiGateway::Method": ResourceType("kennel", "a route of its API"),
    "AWS::ApiGateway::GatewayResponse": ResourceType("kennel", "shapes its API's own answers"),
    "AWS::ApiGatewayV2::Api": ResourceType(
        "kennel",
        "an HTTP API: its routes and its CORS configuration are served",
        id_length=10,
        attributes={
            "ApiId": "{name}",
            "ApiEndpoint": "https://{name}.execute-api.{region}.amazonaws.com",
        },
    ),
    "AWS::ApiGatewayV2::Stage": ResourceType(
        "kennel", "$default, or the first part of every path", "StageName"
    ),
    "AWS::ApiGatewayV2::Route": ResourceType("kennel", "a route of its HTTP API"),
    "AWS::ApiGatewayV2::Integration": ResourceType("kennel", "the function behind a route"),
    "AWS::ApiGateway::Account": ResourceType("ignored", "access logs are written without its role"),
    "AWS::IAM::Role": ResourceType(
        "kennel",
        "created in moto; its policies are enforced on every AWS call with it",
        "RoleName",
        "arn:aws:iam::{account}:role/{name}",
    ),
    "AWS::IAM::Policy": ResourceType("moto", "put in its roles, and enforced with them"),
    "AWS::IAM::ManagedPolicy": ResourceType(
        "moto",
        "created in moto; enforced in the roles that attach it",
        "ManagedPolicyName",
        "arn:aws:iam::{account}:policy/{name}",
        ref_is_arn=True,
    ),
    "AWS::S3::Bucket": ResourceType(
        "moto",
        "a real bucket; of its properties only versioning has an effect",
        "BucketName",
        "arn:aws:s3:::{name}",
        attributes={
            "DomainName": "{name}.s3.amazonaws.com",
            "RegionalDomainName": "{name}.s3.{region}.amazonaws.com",
        },
    ),
    "AWS::S3::BucketPolicy": ResourceType("ignored", "resource policies are not evaluated"),
    "AWS::Logs::LogGroup": ResourceType(
        "moto",
        "created with its retention; functions and jobs write to it; files are in .kennel/run",
        "LogGroupName",
        "arn:aws:logs:{region}:{account}:log-group:{name}:*",
    ),
    "AWS::StepFunctions::StateMachine": ResourceType(
        "moto",
        "its definition is interpreted",
        "StateMachineName",
        "arn:aws:states:{region}:{account}:stateMachine:{name}",
        ref_is_arn=True,
        attributes={"Name": "{name}"},
    ),
    "AWS::SNS::Topic": ResourceType(
        "moto",
        "a topic; mail is not sent, what it would say is kept by moto",
        "TopicName",
        "arn:aws:sns:{region}:{account}:{name}",
        ref_is_arn=True,
        attributes={"TopicName": "{name}", "TopicArn": "arn:aws:sns:{region}:{account}:{name}"},
    ),
    "AWS::SNS::Subscription": ResourceType("moto", "subscribed; a function is really invoked"),
    "AWS::SNS::TopicPolicy": ResourceType("ignored", "resource policies are not evaluated"),
    "AWS::SQS::Queue": ResourceType(
        "moto",
        "a real queue; what it holds is a metric",
        "QueueName",
        "arn:aws:sqs:{region}:{account}:{name}",
        ref="https://sqs.{region}.amazonaws.com/{account}/{name}",
        attributes={"QueueName": "{name}"},
    ),
    "AWS::SQS::QueuePolicy": ResourceType("ignored", "resource policies are not evaluated"),
    "AWS::CloudWatch::Alarm": ResourceType(
        "moto",
        "declared in moto, evaluated by kennel/cloud/cloudwatch/alarms.py",
        "AlarmName",
        "arn:aws:cloudwatch:{region}:{account}:alarm:{name}",
    ),
    "AWS::CloudWatch::CompositeAlarm": ResourceType(
        "moto",
        "declared in moto; its rule is not evaluated",
        "AlarmName",
        "arn:aws:cloudwatch:{region}:{account}:alarm:{name}",
    ),
    "AWS::CloudWatch::Dashboard": ResourceType("moto", "kept, and not drawn", "DashboardName"),
    "AWS::ECR::Repository": ResourceType(
        "moto",
        "a registry; a build records its context there, nothing is pulled",
        "RepositoryName",
        "arn:aws:ecr:{region}:{account}:repository/{name}",
        attributes={"RepositoryUri": "{account}.dkr.ecr.{region}.amazonaws.com/{name}"},
    ),
    "AWS::CodeBuild::Project": ResourceType(
        "moto",
        "declared in moto; a build records its context in ECR, nothing is built",
        "Name",
        "arn:aws:codebuild:{region}:{account}:project/{name}",
    ),
    "AWS::Events::Rule": ResourceType(
        "moto",
        "declared in moto; matched and fired by kennel/cloud/eventbridge/events.py",
        "Name",
        "arn:aws:events:{region}:{account}:rule/{name}",
    ),
    "AWS::Scheduler::Schedule": ResourceType(
        "moto",
        "declared in moto; fired by kennel/cloud/eventbridge/schedules.py on the offline clock",
        "Name",
        "arn:aws:scheduler:{region}:{account}:schedule/default/{name}",
    ),
    "AWS::SageMaker::ModelPackageGroup": ResourceType(
        "kennel",
        "a group of the emulated model registry",
        "ModelPackageGroupName",
        _GROUP_ARN,
        ref_is_arn=True,
        attributes={"ModelPackageGroupArn": _GROUP_ARN},
    ),
    "AWS::SageMaker::Model": ResourceType(
        "kennel",
        "a model of the emulated SageMaker",
        "ModelName",
        "arn:aws:sagemaker:{region}:{account}:model/{name}",
        attributes={"ModelName": "{name}"},
    ),
    "AWS::SageMaker::EndpointConfig": ResourceType(
        "kennel",
        "an endpoint configuration of the emulated SageMaker",
        "EndpointConfigName",
        "arn:aws:sagemaker:{region}:{account}:endpoint-config/{name}",
        attributes={"EndpointConfigName": "{name}"},
    ),
    "AWS::SageMaker::Endpoint": ResourceType(
        "kennel",
        "served by processes on this machine; waited for until it is in service",
        "EndpointName",
        "arn:aws:sagemaker:{region}:{account}:endpoint/{name}",
        attributes={"EndpointName": "{name}"},
    ),
    "AWS::DynamoDB::Table": ResourceType(
        "moto",
        "a real table; streams are not read",
        "TableName",
        "arn:aws:dynamodb:{region}:{account}:table/{name}",
    ),
    "AWS::SecretsManager::Secret": ResourceType("moto", "a secret", "Name"),
    "AWS::SageMaker::NotebookInstance": ResourceType(
        "ignored",
        "no notebook runs here",
        "NotebookInstanceName",
        "arn:aws:sagemaker:{region}:{account}:notebook-instance/{name}",
        ref_is_arn=True,
        attributes={"NotebookInstanceName": "{name}"},
    ),
    "AWS::SageMaker::NotebookInstanceLifecycleConfig": ResourceType(
        "ignored",
        "no notebook runs here",
        "NotebookInstanceLifecycleConfigName",
        attributes={"NotebookInstanceLifecycleConfigName": "{name}"},
    ),
    "AWS::SSM::Parameter": ResourceType(
        "moto", "a parameter", "Name", "arn:aws:ssm:{region}:{account}:parameter/{name}"
    ),
    "AWS::IAM::InstanceProfile": ResourceType(
        "moto",
        "created with its role",
        "InstanceProfileName",
        "arn:aws:iam::{account}:instance-profile/{name}",
    ),
    "AWS::EC2::Instance": ResourceType("moto", "an entry in moto's list; no machine runs"),
    "AWS::EC2::LaunchTemplate": ResourceType(
        "moto",
        "an entry in moto's list",
        "LaunchTemplateName",
        attributes={"LatestVersionNumber": "1"},
    ),
    "AWS::EC2::SecurityGroup": ResourceType(
        "moto", "an entry in moto's list", "GroupName", attributes={"GroupId": "{name}"}
    ),
    "AWS::Lambda::EventSourceMapping": ResourceType(
        "kennel", "invokes its function with the messages of an SQS queue; others are refused"
    ),
    "AWS::Lambda::EventInvokeConfig": ResourceType(
        "kennel", "its retries, age limit and destinations hold for asynchronous invocations"
    ),
}

CUSTOM = ResourceType(
    "kennel", "its function is invoked on create, update and delete, and must answer"
)


def kind_of(type_name: str) -> ResourceType | None:
    """Return the row of a type; None for an unknown one."""
    if is_custom(type_name):
        return CUSTOM
    return RESOURCE_TYPES.get(type_name)


def is_custom(type_name: str) -> bool:
    """Return whether a type is a custom resource, in either of its two spellings."""
    return type_name.startswith("Custom::") or type_name == "AWS::CloudFormation::CustomResource"
