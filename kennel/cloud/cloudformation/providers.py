"""How each resource type that a service keeps is made, found and removed: by its own API.

A `Maker` is one row of the table at the end. The calls go to the offline cloud's own address, as
anyone's do; what moto or the SageMaker stand-in then holds is what the state machine, the
functions and a person with the AWS command line see.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import jmespath
from botocore import xform_name
from botocore.exceptions import ClientError

from kennel.cloud.cloudformation import provider_steps as steps
from kennel.cloud.cloudformation.names import ACCOUNT, REGION
from kennel.cloud.cloudformation.provider_steps import Clients, Step
from kennel.cloud.cloudformation.template import Resource
from kennel.cloud.runtime.shapes import parameters


@dataclass(frozen=True)
class Call:
    """One API call: operation, and parameters with {name} and {arn} in them."""

    operation: str
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def make(self, client: Any, resource: Resource) -> Any:
        """Make the call for `resource`."""
        return getattr(client, xform_name(self.operation))(**_filled(self.parameters, resource))


@dataclass(frozen=True)
class Maker:
    """How one type is made, found and removed.

    Attributes
    ----------
    create
        Its operation takes the resource's properties beside the parameters given here.
    find, names
        A call, and the JMESPath of the names in its answer; the resource exists when `key` (its
        name or its ARN) is among them.
    finish, before_delete
        What the create and the delete call do not do.
    renamed
        Property to parameter, where they differ by more than a capital; "" leaves it out.
    attributes
        Properties that go into the parameter Attributes, as text.
    physical
        JMESPath of the id in the create call's answer, where AWS makes it up.
    """

    service: str
    create: Call
    find: Call
    names: str
    delete: Call
    key: str = "{name}"
    finish: tuple[Step, ...] = ()
    before_delete: tuple[Step, ...] = ()
    renamed: Mapping[str, str] = field(default_factory=dict)
    attributes: tuple[str, ...] = ()
    physical: str = ""

    def make(self, clients: Clients, resource: Resource) -> str:
        """Make it; return the id that stands for it in other resources ("" for its name)."""
        given = {
            self.renamed.get(key, key): value
            for key, value in resource.properties.items()
            if self.renamed.get(key, key)
        }
        if self.attributes:
            texts = {key: given.pop(key) for key in self.attributes if key in given}
            given["Attributes"] = texts
        what = f"{resource.logical_id} ({resource.type})"
        fixed = _filled(self.create.parameters, resource)
        taken = parameters(self.service, self.create.operation, {**given, **fixed}, what)
        answer = getattr(clients(self.service), xform_name(self.create.operation))(**taken)
        for step in self.finish:
            step(clients, resource)
        return str(jmespath.search(self.physical, answer)) if self.physical else ""

    def exists(self, clients: Clients, resource: Resource) -> bool:
        """Ask the service whether it has it."""
        try:
            answer = self.find.make(clients(self.service), resource)
        except ClientError as error:
            if _is_absence(error):
                return False
            raise
        names = jmespath.search(str(_filled(self.names, resource)), answer)
        return _filled(self.key, resource) in (names or [])

    def remove(self, clients: Clients, resource: Resource) -> None:
        """Remove it; what is gone already is removed."""
        try:
            for step in self.before_delete:
                step(clients, resource)
            self.delete.make(clients(self.service), resource)
        except ClientError as error:
            if not _is_absence(error):
                raise


def _filled(value: Any, resource: Resource) -> Any:
    if isinstance(value, str):
        return value.replace("{name}", resource.name).replace("{arn}", resource.arn)
    if isinstance(value, Mapping):
        return {key: _filled(item, resource) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_filled(item, resource) for item in value]
    return value


def _is_absence(error: ClientError) -> bool:
    """Tell "there is none" from a refusal: each service has its own word for it."""
    code, text = error.response["Error"]["Code"], error.response["Error"]["Message"]
    words = ("NotFound", "NoSuch", "DoesNotExist", "NotExist", "NonExistent", "404")
    absent = code.startswith("Validation") and ("not exist" in text or "not find" in text)
    return any(word in code for word in words) or absent


_BUCKET_LATER = (
    *("BucketName", "VersioningConfiguration", "BucketEncryption", "OwnershipControls"),
    *("PublicAccessBlockConfiguration", "LifecycleConfiguration", "Tags", "LoggingConfiguration"),
    *("NotificationConfiguration", "CorsConfiguration", "IntelligentTieringConfigurations"),
)

_QUEUE_URL = f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{{name}}"

MAKERS: dict[str, Maker] = {
    "AWS::S3::Bucket": Maker(
        "s3",
        Call("CreateBucket", {"Bucket": "{name}"}),
        Call("ListBuckets"),
        "Buckets[].Name",
        Call("DeleteBucket", {"Bucket": "{name}"}),
        finish=(steps.version_bucket,),
        renamed=dict.fromkeys(_BUCKET_LATER, ""),
    ),
    "AWS::IAM::Role": Maker(
        "iam",
        Call("CreateRole", {"RoleName": "{name}"}),
        Call("ListRoles", {"MaxItems": 1000}),
        "Roles[].RoleName",
        Call("DeleteRole", {"RoleName": "{name}"}),
        finish=(steps.attach_policies,),
        before_delete=(steps.detach_policies,),
        renamed={"Policies": ""},
    ),
    "AWS::IAM::InstanceProfile": Maker(
        "iam",
        Call("CreateInstanceProfile", {"InstanceProfileName": "{name}"}),
        Call("ListInstanceProfiles"),
        "InstanceProfiles[].InstanceProfileName",
        Call("DeleteInstanceProfile", {"InstanceProfileName": "{name}"}),
        finish=(steps.fill_profile,),
        before_delete=(steps.empty_profile,),
        renamed={"Roles": ""},
    ),
    "AWS::Logs::LogGroup": Maker(
        "logs",
        Call("CreateLogGroup", {"logGroupName": "{name}"}),
        Call("DescribeLogGroups", {"logGroupNamePrefix": "{name}"}),
        "logGroups[].logGroupName",
        Call("DeleteLogGroup", {"logGroupName": "{name}"}),
        finish=(steps.retain,),
        renamed={"RetentionInDays": ""},
    ),
    "AWS::StepFunctions::StateMachine": Maker(
        "stepfunctions",
        Call("CreateStateMachine", {"name": "{name}"}),
        Call("ListStateMachines"),
        "stateMachines[].name",
        Call("DeleteStateMachine", {"stateMachineArn": "{arn}"}),
        renamed={
            "StateMachineName": "",
            "StateMachineType": "type",
            "DefinitionString": "definition",
        },
    ),
    "AWS::SNS::Topic": Maker(
        "sns",
        Call("CreateTopic", {"Name": "{name}"}),
        Call("ListTopics"),
        "Topics[].TopicArn",
        Call("DeleteTopic", {"TopicArn": "{arn}"}),
        key="{arn}",
        finish=(steps.subscribe,),
        renamed={"TopicName": "", "Subscription": ""},
        attributes=("DisplayName", "KmsMasterKeyId"),
    ),
    "AWS::SNS::Subscription": Maker(
        "sns",
        Call("Subscribe"),
        Call("ListSubscriptions"),
        "Subscriptions[].SubscriptionArn",
        Call("Unsubscribe", {"SubscriptionArn": "{name}"}),
        physical="SubscriptionArn",
    ),
    "AWS::SQS::Queue": Maker(
        "sqs",
        Call("CreateQueue", {"QueueName": "{name}"}),
        Call("GetQueueUrl", {"QueueName": "{name}"}),
        "['{name}']",
        Call("DeleteQueue", {"QueueUrl": _QUEUE_URL}),
        attributes=(
            *("DelaySeconds", "MaximumMessageSize", "MessageRetentionPeriod", "RedrivePolicy"),
            *("ReceiveMessageWaitTimeSeconds", "VisibilityTimeout", "SqsManagedSseEnabled"),
        ),
    ),
    "AWS::CloudWatch::Alarm": Maker(
        "cloudwatch",
        Call("PutMetricAlarm", {"AlarmName": "{name}"}),
        Call("DescribeAlarms", {"AlarmNames": ["{name}"]}),
        "MetricAlarms[].AlarmName",
        Call("DeleteAlarms", {"AlarmNames": ["{name}"]}),
    ),
    "AWS::CloudWatch::CompositeAlarm": Maker(
        "cloudwatch",
        Call("PutCompositeAlarm", {"AlarmName": "{name}"}),
        Call("DescribeAlarms", {"AlarmNames": ["{name}"], "AlarmTypes": ["CompositeAlarm"]}),
        "CompositeAlarms[].AlarmName",
        Call("DeleteAlarms", {"AlarmNames": ["{name}"]}),
    ),
    "AWS::CloudWatch::Dashboard": Maker(
        "cloudwatch",
        Call("PutDashboard", {"DashboardName": "{name}"}),
        Call("ListDashboards"),
        "DashboardEntries[].DashboardName",
        Call("DeleteDashboards", {"DashboardNames": ["{name}"]}),
    ),
    "AWS::ECR::Repository": Maker(
        "ecr",
        Call("CreateRepository", {"repositoryName": "{name}"}),
        Call("DescribeRepositories"),
        "repositories[].repositoryName",
        Call("DeleteRepository", {"repositoryName": "{name}"}),
        renamed={
            "EmptyOnDelete": "",
            "RepositoryPolicyText": "",
            "LifecyclePolicy": "",
        },
    ),
    "AWS::CodeBuild::Project": Maker(
        "codebuild",
        Call("CreateProject", {"name": "{name}"}),
        Call("ListProjects"),
        "projects",
        Call("DeleteProject", {"name": "{name}"}),
        renamed={"BadgeEnabled": ""},
    ),
    "AWS::Events::Rule": Maker(
        "events",
        Call("PutRule", {"Name": "{name}"}),
        Call("ListRules"),
        "Rules[].Name",
        Call("DeleteRule", {"Name": "{name}"}),
        finish=(steps.aim,),
        before_delete=(steps.aim_at_nothing,),
        renamed={"Targets": ""},
    ),
    "AWS::Scheduler::Schedule": Maker(
        "scheduler",
        Call("CreateSchedule", {"Name": "{name}"}),
        Call("ListSchedules"),
        "Schedules[].Name",
        Call("DeleteSchedule", {"Name": "{name}"}),
    ),
    "AWS::SageMaker::ModelPackageGroup": Maker(
        "sagemaker",
        Call("CreateModelPackageGroup", {"ModelPackageGroupName": "{name}"}),
        Call("DescribeModelPackageGroup", {"ModelPackageGroupName": "{name}"}),
        "[ModelPackageGroupName]",
        Call("DeleteModelPackageGroup", {"ModelPackageGroupName": "{name}"}),
    ),
    "AWS::SSM::Parameter": Maker(
        "ssm",
        Call("PutParameter", {"Name": "{name}"}),
        Call("DescribeParameters"),
        "Parameters[].Name",
        Call("DeleteParameter", {"Name": "{name}"}),
    ),
    "AWS::EC2::SecurityGroup": Maker(
        "ec2",
        Call("CreateSecurityGroup", {"GroupName": "{name}"}),
        Call("DescribeSecurityGroups"),
        "SecurityGroups[].GroupId",
        Call("DeleteSecurityGroup", {"GroupId": "{name}"}),
        finish=(steps.open_ports,),
        renamed={
            "GroupDescription": "Description",
            "SecurityGroupIngress": "",
            "SecurityGroupEgress": "",
            "Tags": "",
        },
        physical="GroupId",
    ),
    "AWS::EC2::LaunchTemplate": Maker(
        "ec2",
        Call("CreateLaunchTemplate", {"LaunchTemplateName": "{name}"}),
        Call("DescribeLaunchTemplates"),
        "LaunchTemplates[].LaunchTemplateId",
        Call("DeleteLaunchTemplate", {"LaunchTemplateId": "{name}"}),
        physical="LaunchTemplate.LaunchTemplateId",
    ),
    "AWS::EC2::Instance": Maker(
        "ec2",
        Call("RunInstances", {"MinCount": 1, "MaxCount": 1}),
        Call("DescribeInstances"),
        "Reservations[].Instances[].InstanceId",
        Call("TerminateInstances", {"InstanceIds": ["{name}"]}),
        renamed={"Tags": "", "PropagateTagsToVolumeOnCreation": ""},
        physical="Instances[0].InstanceId",
    ),
}
