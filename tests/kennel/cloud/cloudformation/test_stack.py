"""Every resource type that moto keeps is made, found and removed again."""

import json
from pathlib import Path
from typing import Any

import pytest

from kennel.cloud.cloudformation.custom_resources import CustomResources
from kennel.cloud.cloudformation.providers import PROVIDERS
from kennel.cloud.cloudformation.resource_types import RESOURCE_TYPES
from kennel.cloud.cloudformation.stack import DeployedStack, in_order
from kennel.cloud.cloudformation.template import Stack, load
from kennel.cloud.runtime.clients import client
from kennel.cloud.runtime.store import Store
from kennel.errors import CannotStart, KennelError

TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Parameters:
  Wanted: {Type: String, Default: "yes"}
Conditions:
  IsWanted: !Equals [!Ref Wanted, "yes"]
Resources:
  Profile: {Type: AWS::IAM::InstanceProfile, Properties: {Roles: [!Ref Role]}}
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument: {Version: "2012-10-17", Statement: []}
      Policies:
        - PolicyName: inline
          PolicyDocument:
            Version: "2012-10-17"
            Statement: [{Effect: Allow, Action: sns:Publish, Resource: "*"}]
  Bucket:
    Type: AWS::S3::Bucket
    Properties: {VersioningConfiguration: {Status: Enabled}}
  Logs: {Type: AWS::Logs::LogGroup, Properties: {RetentionInDays: "7"}}
  Topic:
    Type: AWS::SNS::Topic
    Properties:
      DisplayName: Kennel
      Subscription: [{Protocol: email, Endpoint: someone@example.com}]
  Subscription:
    Type: AWS::SNS::Subscription
    Properties:
      TopicArn: !Ref Topic
      Protocol: lambda
      Endpoint: arn:aws:lambda:us-east-1:123456789012:function:told
  Queue: {Type: AWS::SQS::Queue, Properties: {VisibilityTimeout: 60}}
  Alarm:
    Type: AWS::CloudWatch::Alarm
    Properties:
      Namespace: AWS/SageMaker
      MetricName: Invocation5XXErrors
      Dimensions: [{Name: EndpointName, Value: kennel}]
      Statistic: Sum
      Period: "60"
      EvaluationPeriods: "1"
      Threshold: "0.5"
      ComparisonOperator: GreaterThanThreshold
      TreatMissingData: notBreaching
      AlarmActions: [!Ref Topic]
  Dashboard:
    Type: AWS::CloudWatch::Dashboard
    Properties: {DashboardBody: !Sub '{"widgets": [], "start": "-PT6H"}'}
  Images:
    Type: AWS::ECR::Repository
    Properties:
      RepositoryName: kennel/serving
      EmptyOnDelete: true
      ImageTagMutability: IMMUTABLE
      ImageScanningConfiguration: {ScanOnPush: true}
  Project:
    Type: AWS::CodeBuild::Project
    Properties:
      ServiceRole: !GetAtt Role.Arn
      Artifacts: {Type: NO_ARTIFACTS}
      TimeoutInMinutes: "30"
      Environment:
        Type: LINUX_CONTAINER
        ComputeType: BUILD_GENERAL1_SMALL
        Image: aws/codebuild/amazonlinux2-x86_64-standard:5.0
        PrivilegedMode: true
        EnvironmentVariables: [{Name: REPOSITORY, Value: !GetAtt Images.RepositoryUri}]
      Source: {Type: S3, Location: !Sub "${Bucket}/code/source.zip", BuildSpec: "version: 0.2"}
  Rule:
    Type: AWS::Events::Rule
    Properties:
      EventPattern: {source: [aws.states], detail: {status: [ABORTED, TIMED_OUT]}}
      Targets: [{Id: one, Arn: !Ref Topic}]
  Schedule:
    Type: AWS::Scheduler::Schedule
    Properties:
      ScheduleExpression: rate(1 hour)
      FlexibleTimeWindow: {Mode: "OFF"}
      Target: {Arn: !Ref Topic, RoleArn: !GetAtt Role.Arn}
  Setting:
    Type: AWS::SSM::Parameter
    Properties: {Name: /kennel/image, Type: String, Value: ami-1}
  Firewall:
    Type: AWS::EC2::SecurityGroup
    Properties: {GroupDescription: none in, VpcId: vpc-1}
  Machine:
    Type: AWS::EC2::Instance
    Condition: IsWanted
    DependsOn: Setting
    Properties:
      ImageId: "{{resolve:ssm:/kennel/image}}"
      InstanceType: t3.large
      SecurityGroupIds: [!GetAtt Firewall.GroupId]
"""


def stack_of(folder: Path, text: str, **parameters: str) -> Stack:
    file = folder / "template.yaml"
    file.write_text(text)
    return load(file, parameters, "tried")


def nobody(arn: str, event: dict[str, Any]) -> None:
    raise AssertionError("no custom resource here")


def deployment(stack: Stack, url: str) -> DeployedStack:
    return DeployedStack(stack, url, CustomResources("tried", url, nobody))


def with_a_vpc(url: str, text: str) -> str:
    vpc = client("ec2", url).describe_vpcs()["Vpcs"][0]["VpcId"]
    return text.replace("vpc-1", vpc)


def test_what_a_template_declares_is_there_and_goes_again(moto: str, tmp_path: Path) -> None:
    stack = stack_of(tmp_path, with_a_vpc(moto, TEMPLATE))
    made = deployment(stack, moto)
    made.create()
    alarm = client("cloudwatch", moto).describe_alarms(AlarmNames=["tried-Alarm"])["MetricAlarms"][
        0
    ]
    assert (alarm["Period"], alarm["Threshold"]) == (60, 0.5)
    assert alarm["AlarmActions"] == [stack.resources["Topic"].arn]
    rule = client("events", moto).list_targets_by_rule(Rule="tried-Rule")["Targets"]
    assert [each["Arn"] for each in rule] == [stack.resources["Topic"].arn]
    project = client("codebuild", moto).batch_get_projects(names=["tried-Project"])["projects"][0]
    variables = project["environment"]["environmentVariables"]
    assert variables[0]["value"] == "123456789012.dkr.ecr.us-east-1.amazonaws.com/kennel/serving"
    machines = client("ec2", moto).describe_instances()["Reservations"][0]["Instances"]
    assert machines[0]["ImageId"] == "ami-1"
    assert machines[0]["SecurityGroups"][0]["GroupName"] == "tried-Firewall"
    (function,) = [
        each["Endpoint"]
        for each in client("sns", moto).list_subscriptions()["Subscriptions"]
        if each["Protocol"] == "http"
    ]
    assert function == f"{moto}/kennel/sns/told"

    assert made.delete() == []
    left = [
        *client("cloudwatch", moto).describe_alarms()["MetricAlarms"],
        *client("events", moto).list_rules()["Rules"],
        *client("sns", moto).list_topics()["Topics"],
        *client("iam", moto).list_roles()["Roles"],
        *client("s3", moto).list_buckets()["Buckets"],
    ]
    assert [each for each in left if "tried-" in str(each)] == []


KEPT = """
Resources:
  Notes: {Type: AWS::SSM::Parameter, Properties: {Name: /kept/notes, Type: String, Value: VALUE}}
  Queue: {Type: AWS::SQS::Queue, Properties: {VisibilityTimeout: SECONDS}}
  Logs: {Type: AWS::Logs::LogGroup, Properties: {RetentionInDays: DAYS}}
"""


def test_what_survived_a_restart_changes_only_with_the_template(moto: str, tmp_path: Path) -> None:
    ssm, sqs, logs = (client(service, moto) for service in ("ssm", "sqs", "logs"))
    store = Store(None)

    def create(value: str, seconds: int, days: int) -> DeployedStack:
        text = KEPT.replace("VALUE", value).replace("SECONDS", str(seconds))
        stack = stack_of(tmp_path, text.replace("DAYS", str(days)))
        made = DeployedStack(stack, moto, CustomResources("tried", moto, nobody), store)
        made.create()
        return made

    def state() -> tuple[str, str, int]:
        value = ssm.get_parameter(Name="/kept/notes")["Parameter"]["Value"]
        url = sqs.get_queue_url(QueueName="tried-Queue")["QueueUrl"]
        queue = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])
        (group,) = logs.describe_log_groups(logGroupNamePrefix="tried-Logs")["logGroups"]
        return value, queue["Attributes"]["VisibilityTimeout"], group["retentionInDays"]

    create("of the template", 60, 7)
    assert state() == ("of the template", "60", 7)
    ssm.put_parameter(Name="/kept/notes", Value="of a person", Overwrite=True)
    create("of the template", 60, 7)
    assert state() == ("of a person", "60", 7)
    made = create("changed", 90, 30)
    assert state() == ("changed", "90", 30)
    made.delete()


def test_a_condition_that_does_not_hold_leaves_the_resource_out(moto: str, tmp_path: Path) -> None:
    stack = stack_of(tmp_path, TEMPLATE, Wanted="no")
    assert "Machine" not in [each.logical_id for each in in_order(stack)]


def test_a_bucket_that_is_not_empty_blocks_and_one_to_retain_is_kept(
    moto: str, tmp_path: Path
) -> None:
    text = """
    Resources:
      Full: {Type: AWS::S3::Bucket}
      Kept: {Type: AWS::S3::Bucket, DeletionPolicy: Retain}
    """
    made = deployment(stack_of(tmp_path, text), moto)
    made.create()
    client("s3", moto).put_object(Bucket="tried-full", Key="photo.jpg", Body=b"x")
    with pytest.raises(KennelError, match=r"DELETE_FAILED: Full: .*BucketNotEmpty"):
        made.delete()
    client("s3", moto).delete_object(Bucket="tried-full", Key="photo.jpg")
    assert made.delete() == ["Kept"]
    client("s3", moto).delete_bucket(Bucket="tried-kept")


def test_a_repository_with_images_blocks_unless_told(moto: str, tmp_path: Path) -> None:
    text = """
    Resources:
      Images: {Type: AWS::ECR::Repository, Properties: {RepositoryName: full}}
    """
    made = deployment(stack_of(tmp_path, text), moto)
    made.create()
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": {"digest": "sha256:0"},
        }
    )
    ecr = client("ecr", moto)
    ecr.put_image(repositoryName="full", imageManifest=manifest, imageTag="1")
    with pytest.raises(KennelError, match="RepositoryNotEmpty"):
        made.delete()
    ecr.batch_delete_image(repositoryName="full", imageIds=[{"imageTag": "1"}])
    assert made.delete() == []


def test_a_property_that_the_api_does_not_take_is_named(moto: str, tmp_path: Path) -> None:
    text = "Resources: {Wrong: {Type: AWS::CloudWatch::Alarm, Properties: {Treshold: 1}}}"
    with pytest.raises(CannotStart, match=r"Wrong .* has the property Treshold"):
        deployment(stack_of(tmp_path, text), moto).create()


def test_what_a_service_refuses_is_said_in_its_words(moto: str, tmp_path: Path) -> None:
    text = """
    Resources:
      Broken:
        Type: AWS::IAM::Role
        Properties:
          AssumeRolePolicyDocument: {Version: "2012-10-17", Statement: []}
          Policies: [{PolicyName: one, PolicyDocument: {Version: "2012-10-17", Statement: []}}]
    """
    with pytest.raises(CannotStart, match=r"Broken \(AWS::IAM::Role\) .*MalformedPolicyDocument"):
        deployment(stack_of(tmp_path, text), moto).create()


def test_resources_that_need_each_other_are_named(tmp_path: Path) -> None:
    text = """
    Resources:
      One: {Type: AWS::S3::Bucket, DependsOn: Other}
      Other: {Type: AWS::S3::Bucket, DependsOn: One}
    """
    with pytest.raises(CannotStart, match="need each other: One, Other"):
        in_order(stack_of(tmp_path, text))


def test_everything_that_moto_runs_has_a_maker() -> None:
    run_by_moto = {name for name, kind in RESOURCE_TYPES.items() if kind.runner == "moto"}
    assert run_by_moto <= set(PROVIDERS) <= set(RESOURCE_TYPES)
