"""Stacks are created, updated, rolled back and deleted as CloudFormation does, against moto."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from kennel.cloud.cloudformation.providers import PROVIDERS
from kennel.cloud.cloudformation.recorder import OperationFailed
from kennel.cloud.cloudformation.resource_types import RESOURCE_TYPES
from kennel.cloud.cloudformation.stack_state import StackState
from kennel.cloud.cloudformation.stacks import StackRefused, StackRequest, Stacks
from kennel.cloud.cloudformation.template import load
from kennel.cloud.runtime.clients import client
from kennel.cloud.runtime.store import Store

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
      Endpoint: arn:aws:lambda:us-east-1:123456789012:function:subscriber
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


def create(
    stacks: Stacks, text: str, name: str = "tried", *, adopt: bool = False, **parameters: str
) -> StackState:
    stack = stacks.find(name) or StackState.new(name)
    stacks.add(stack)
    template = stacks.prepare(stack, StackRequest(name, text, parameters))
    stacks.create(stack, template, adopt=adopt)
    return stack


def update(
    stacks: Stacks, stack: StackState, text: str, *, adopt: bool = False, **parameters: str
) -> None:
    template = stacks.prepare(stack, StackRequest(stack.name, text, parameters))
    stacks.update(stack, template, adopt=adopt)


def statuses(stack: StackState) -> list[str]:
    """Return the stack's own statuses, oldest first."""
    own = (each for each in stack.events if each["LogicalResourceId"] == stack.name)
    return [each["ResourceStatus"] for each in own]


def with_a_vpc(url: str, text: str) -> str:
    vpc = client("ec2", url).describe_vpcs()["Vpcs"][0]["VpcId"]
    return text.replace("vpc-1", vpc)


def test_what_a_template_declares_is_there_and_goes_again(moto: str, stacks: Stacks) -> None:
    stack = create(stacks, with_a_vpc(moto, TEMPLATE))
    assert stack.status == "CREATE_COMPLETE"
    assert stacks.absent(stack) == []
    topic = stack.existing["Topic"].arn
    alarm = client("cloudwatch", moto).describe_alarms(AlarmNames=["tried-Alarm"])["MetricAlarms"][
        0
    ]
    assert (alarm["Period"], alarm["Threshold"]) == (60, 0.5)
    assert alarm["AlarmActions"] == [topic]
    rule = client("events", moto).list_targets_by_rule(Rule="tried-Rule")["Targets"]
    assert [each["Arn"] for each in rule] == [topic]
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
    assert function == f"{moto}/kennel/sns/subscriber"

    assert stacks.delete(stack) == []
    assert stack.status == "DELETE_COMPLETE"
    left = [
        *client("cloudwatch", moto).describe_alarms()["MetricAlarms"],
        *client("events", moto).list_rules()["Rules"],
        *client("sns", moto).list_topics()["Topics"],
        *client("iam", moto).list_roles()["Roles"],
        *client("s3", moto).list_buckets()["Buckets"],
    ]
    assert [each for each in left if "tried-" in str(each)] == []
    assert stacks.find("tried") is None  # by its name; its ARN still finds it
    assert stacks.find(stack.id) is stack


KEPT = """
Resources:
  Notes: {Type: AWS::SSM::Parameter, Properties: {Name: /kept/notes, Type: String, Value: VALUE}}
  Queue: {Type: AWS::SQS::Queue, Properties: {VisibilityTimeout: SECONDS}}
  Logs: {Type: AWS::Logs::LogGroup, Properties: {RetentionInDays: DAYS}}
"""


def kept(value: str, seconds: int, days: int) -> str:
    text = KEPT.replace("VALUE", value).replace("SECONDS", str(seconds))
    return text.replace("DAYS", str(days))


def test_a_start_changes_what_survived_only_with_the_template(
    moto: str, stacks_of: Callable[[Store], Stacks]
) -> None:
    ssm, sqs, logs = (client(service, moto) for service in ("ssm", "sqs", "logs"))
    store = Store(None)

    def state() -> tuple[str, str, int]:
        value = ssm.get_parameter(Name="/kept/notes")["Parameter"]["Value"]
        url = sqs.get_queue_url(QueueName="tried-Queue")["QueueUrl"]
        queue = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])
        (group,) = logs.describe_log_groups(logGroupNamePrefix="tried-Logs")["logGroups"]
        return value, queue["Attributes"]["VisibilityTimeout"], group["retentionInDays"]

    def start(text: str) -> Stacks:
        stacks = stacks_of(store)
        stacks.restore()
        stack = stacks.find("tried")
        update(stacks, stack, text, adopt=True) if stack else create(stacks, text)
        return stacks

    start(kept("of the template", 60, 7))
    assert state() == ("of the template", "60", 7)
    ssm.put_parameter(Name="/kept/notes", Value="of a person", Overwrite=True)
    start(kept("of the template", 60, 7))
    assert state() == ("of a person", "60", 7)
    sqs.delete_queue(QueueUrl=sqs.get_queue_url(QueueName="tried-Queue")["QueueUrl"])
    start(kept("of the template", 60, 7))  # what is gone is created again
    assert state() == ("of a person", "60", 7)
    stacks = start(kept("changed", 90, 30))
    assert state() == ("changed", "90", 30)
    stacks.delete(stacks.get("tried"))


def test_what_a_restart_has_lost_is_created_again(
    moto: str, stacks_of: Callable[[Store], Stacks]
) -> None:
    text = """
    Resources:
      Queue: {Type: AWS::SQS::Queue, Properties: {DelaySeconds: 7}}
      Note: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: !GetAtt Queue.Arn}}
    """
    store = Store(None)
    create(stacks_of(store), text)
    sqs = client("sqs", moto)
    sqs.delete_queue(QueueUrl=sqs.get_queue_url(QueueName="tried-Queue")["QueueUrl"])
    stacks = stacks_of(store)
    stacks.restore()
    stacks.repair("tried")
    assert stacks.absent(stacks.get("tried")) == ["Queue"]
    stacks.repair()
    assert stacks.absent(stacks.get("tried")) == []
    url = sqs.get_queue_url(QueueName="tried-Queue")["QueueUrl"]
    delay = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["DelaySeconds"])["Attributes"]
    assert delay == {"DelaySeconds": "7"}
    stacks.delete(stacks.get("tried"))


def test_a_start_goes_on_where_one_was_killed(
    moto: str, stacks_of: Callable[[Store], Stacks]
) -> None:
    store = Store(None)
    first = stacks_of(store)
    stack = StackState.new("tried")
    first.add(stack)
    stack.status = "CREATE_IN_PROGRESS"  # killed after a queue was created, and not recorded
    first.store.save(stack)
    client("sqs", moto).create_queue(QueueName="tried-Queue")
    second = stacks_of(store)
    second.restore()
    stack = second.get("tried")
    assert (stack.status, "ended" in stack.reason) == ("CREATE_FAILED", True)
    update(second, stack, kept("value", 90, 7), adopt=True)
    assert stack.status == "UPDATE_COMPLETE"
    assert second.absent(stack) == []
    second.delete(stack)


def test_a_condition_that_does_not_hold_leaves_the_resource_out(tmp_path: Path) -> None:
    (tmp_path / "template.yaml").write_text(TEMPLATE)
    stack = load(tmp_path / "template.yaml", {"Wanted": "no"}, "tried")
    assert "Machine" not in stack.resources


def test_an_update_modifies_adds_replaces_and_removes(moto: str, stacks: Stacks) -> None:
    before = """
    Resources:
      Role:
        Type: AWS::IAM::Role
        Properties:
          AssumeRolePolicyDocument:
            Version: "2012-10-17"
            Statement:
              - Effect: Allow
                Principal: {Service: lambda.amazonaws.com}
                Action: sts:AssumeRole
          Policies:
            - PolicyName: old
              PolicyDocument:
                Version: "2012-10-17"
                Statement: [{Effect: Allow, Action: sns:Publish, Resource: "*"}]
      Table:
        Type: AWS::DynamoDB::Table
        Properties:
          AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
          KeySchema: [{AttributeName: id, KeyType: HASH}]
          BillingMode: PAY_PER_REQUEST
      Note: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: !Ref Table}}
      Gone: {Type: AWS::SQS::Queue}
    """
    after = (
        before.replace("PolicyName: old", "PolicyName: new")
        .replace("AttributeName: id", "AttributeName: key")
        .replace("Gone: {", "Come: {")
    )
    stack = create(stacks, before)
    update(stacks, stack, after)
    assert statuses(stack)[-2:] == ["UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "UPDATE_COMPLETE"]
    policies = client("iam", moto).list_role_policies(RoleName="tried-Role")["PolicyNames"]
    assert policies == ["new"]
    listed = client("dynamodb", moto).list_tables()["TableNames"]
    tables = [name for name in listed if name.startswith("tried-")]
    assert tables == [stack.existing["Table"].name] != ["tried-Table"]
    # What refers to the replaced table has its new name.
    value = client("ssm", moto).get_parameter(Name="tried-Note")["Parameter"]["Value"]
    assert value == tables[0]
    queues = client("sqs", moto).list_queues(QueueNamePrefix="tried-")["QueueUrls"]
    assert [each.rpartition("/")[2] for each in queues] == ["tried-Come"]
    stacks.delete(stack)


def test_a_failed_update_is_as_before(moto: str, stacks: Stacks) -> None:
    stack = create(stacks, kept("before", 60, 7))
    broken = (
        kept("after", 90, 30)
        + """
  Extra: {Type: AWS::SQS::Queue}
  Broken:
    Type: AWS::SQS::Queue
    DependsOn: [Extra, Notes, Queue]
    Properties: {QueueName: a/b}
"""
    )
    with pytest.raises(OperationFailed, match=r"Broken \(AWS::SQS::Queue\) cannot be created"):
        update(stacks, stack, broken)
    assert stack.status == "UPDATE_ROLLBACK_COMPLETE"
    assert set(stack.existing) == {"Notes", "Queue", "Logs"}
    assert client("ssm", moto).get_parameter(Name="/kept/notes")["Parameter"]["Value"] == "before"
    queues = client("sqs", moto).list_queues(QueueNamePrefix="tried-")["QueueUrls"]
    assert [each.rpartition("/")[2] for each in queues] == ["tried-Queue"]
    failed = [each for each in stack.events if each["ResourceStatus"] == "CREATE_FAILED"]
    assert "Can only include alphanumeric" in failed[0]["ResourceStatusReason"]
    update(stacks, stack, kept("after", 90, 30))
    assert client("ssm", moto).get_parameter(Name="/kept/notes")["Parameter"]["Value"] == "after"
    stacks.delete(stack)


def test_a_failed_creation_takes_away_what_it_created(moto: str, stacks: Stacks) -> None:
    text = """
    Resources:
      Queue: {Type: AWS::SQS::Queue}
      Kept: {Type: AWS::SQS::Queue, DeletionPolicy: Retain}
      Also: {Type: AWS::SQS::Queue, DeletionPolicy: RetainExceptOnCreate}
      Broken:
        Type: AWS::SQS::Queue
        DependsOn: [Queue, Kept, Also]
        Properties: {QueueName: a/b}
    """
    with pytest.raises(OperationFailed, match="Broken"):
        create(stacks, text)
    stack = stacks.get("tried")
    assert statuses(stack) == ["CREATE_IN_PROGRESS", "ROLLBACK_IN_PROGRESS", "ROLLBACK_COMPLETE"]
    queues = client("sqs", moto).list_queues(QueueNamePrefix="tried-")["QueueUrls"]
    assert [each.rpartition("/")[2] for each in queues] == ["tried-Kept"]
    client("sqs", moto).delete_queue(QueueUrl=queues[0])


def test_a_creation_leaves_alone_what_it_did_not_create(moto: str, stacks: Stacks) -> None:
    client("dynamodb", moto).create_table(
        TableName="anothers",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    text = """
    Resources:
      Table:
        Type: AWS::DynamoDB::Table
        Properties:
          TableName: anothers
          AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
          KeySchema: [{AttributeName: id, KeyType: HASH}]
          BillingMode: PAY_PER_REQUEST
    """
    with pytest.raises(OperationFailed, match="already exists"):
        create(stacks, text)
    assert "anothers" in client("dynamodb", moto).list_tables()["TableNames"]
    client("dynamodb", moto).delete_table(TableName="anothers")


def test_a_chosen_name_blocks_a_replacement(moto: str, stacks: Stacks) -> None:
    text = """
    Resources:
      Group:
        Type: AWS::SQS::Queue
        Properties: {QueueName: chosen.fifo, FifoQueue: true}
    """
    stack = create(stacks, text)
    with pytest.raises(OperationFailed, match=r"custom-named resource requires replacing\. Rename"):
        update(stacks, stack, text.replace("FifoQueue: true", "FifoQueue: false"))
    assert stack.status == "UPDATE_ROLLBACK_COMPLETE"
    with pytest.raises(OperationFailed, match="Update of resource type is not permitted"):
        update(stacks, stack, "Resources: {Group: {Type: AWS::SNS::Topic}}")
    stacks.delete(stack)


def test_a_bucket_that_is_not_empty_blocks_and_one_to_retain_is_kept(
    moto: str, stacks: Stacks
) -> None:
    text = """
    Resources:
      Full: {Type: AWS::S3::Bucket}
      Kept: {Type: AWS::S3::Bucket, DeletionPolicy: Retain}
      Other: {Type: AWS::SQS::Queue}
    """
    stack = create(stacks, text)
    client("s3", moto).put_object(Bucket="tried-full", Key="photo.jpg", Body=b"x")
    with pytest.raises(OperationFailed, match=r"DELETE_FAILED: Full: .*BucketNotEmpty"):
        stacks.delete(stack)
    assert stack.status == "DELETE_FAILED"
    assert list(stack.existing) == ["Full"]
    client("s3", moto).delete_object(Bucket="tried-full", Key="photo.jpg")
    assert stacks.delete(stack) == []
    assert stack.resources["Kept"].status == "DELETE_SKIPPED"
    client("s3", moto).delete_bucket(Bucket="tried-kept")


def test_a_repository_with_images_is_not_deleted(moto: str, stacks: Stacks) -> None:
    text = """
    Resources:
      Images: {Type: AWS::ECR::Repository, Properties: {RepositoryName: full}}
    """
    stack = create(stacks, text)
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": {"digest": "sha256:0"},
        }
    )
    ecr = client("ecr", moto)
    ecr.put_image(repositoryName="full", imageManifest=manifest, imageTag="1")
    with pytest.raises(OperationFailed, match="RepositoryNotEmpty"):
        stacks.delete(stack)
    ecr.batch_delete_image(repositoryName="full", imageIds=[{"imageTag": "1"}])
    assert stacks.delete(stack) == []


def test_exports_are_imported_and_held(moto: str, stacks: Stacks) -> None:
    exporting = """
    Resources: {Queue: {Type: AWS::SQS::Queue}}
    Outputs: {Url: {Value: !GetAtt Queue.Arn, Export: {Name: shared-queue}}}
    """
    importing = """
    Resources:
      Note: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: VALUE}}
    """.replace("VALUE", "!ImportValue shared-queue")
    first = create(stacks, exporting, "first")
    second = create(stacks, importing, "second")
    value = client("ssm", moto).get_parameter(Name="second-Note")["Parameter"]["Value"]
    assert value == first.existing["Queue"].arn
    with pytest.raises(StackRefused, match="Export shared-queue cannot be deleted as it is in use"):
        stacks.delete(first)
    with pytest.raises(OperationFailed, match="shared-queue is already exported by stack first"):
        create(stacks, exporting, "third")
    stacks.delete(second)
    stacks.delete(first)


def test_all_that_the_cloud_lacks_is_named_at_once(stacks: Stacks) -> None:
    text = """
    Resources:
      One: {Type: AWS::Kinesis::Stream}
      Two: {Type: AWS::Redshift::Cluster}
    """
    with pytest.raises(StackRefused, match=r"AWS::Kinesis::Stream.*AWS::Redshift::Cluster"):
        create(stacks, text)
    text = """
    Resources:
      Bucket:
        Type: AWS::S3::Bucket
        Properties: {NotificationConfiguration: {}, WebsiteConfiguration: {}}
    """
    with pytest.raises(StackRefused, match=r"NotificationConfiguration.*WebsiteConfiguration"):
        create(stacks, text)


def test_a_property_that_the_api_does_not_take_is_named(stacks: Stacks) -> None:
    text = "Resources: {Wrong: {Type: AWS::CloudWatch::Alarm, Properties: {Treshold: 1}}}"
    with pytest.raises(OperationFailed, match=r"Wrong .* has the property Treshold"):
        create(stacks, text)


def test_what_a_service_refuses_is_said_in_its_words(stacks: Stacks) -> None:
    text = """
    Resources:
      Broken:
        Type: AWS::IAM::Role
        Properties:
          AssumeRolePolicyDocument: {Version: "2012-10-17", Statement: []}
          Policies: [{PolicyName: one, PolicyDocument: {Version: "2012-10-17", Statement: []}}]
    """
    with pytest.raises(
        OperationFailed, match=r"Broken \(AWS::IAM::Role\) .*MalformedPolicyDocument"
    ):
        create(stacks, text)
    assert "Broken" not in stacks.get("tried").existing


def test_resources_that_need_each_other_are_named(stacks: Stacks) -> None:
    text = """
    Resources:
      One: {Type: AWS::S3::Bucket, DependsOn: Other}
      Other: {Type: AWS::S3::Bucket, DependsOn: One}
    """
    with pytest.raises(OperationFailed, match="need each other: One, Other"):
        create(stacks, text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Resources: [", "neither YAML nor JSON"),
        ("just a text", "no template: expected a mapping with Resources"),
        ("Resources: {One: {Properties: {}}}", "the resource One without a Type"),
        ("Resources: {}", "no resources"),
        ("Transform: Some::Macro\nResources: {One: {Type: AWS::SQS::Queue}}", "the transform Some"),
    ],
)
def test_what_is_no_template_is_refused(stacks: Stacks, text: str, message: str) -> None:
    with pytest.raises(StackRefused, match=message):
        create(stacks, text)


def test_everything_that_moto_runs_has_a_provider() -> None:
    run_by_moto = {name for name, kind in RESOURCE_TYPES.items() if kind.runner == "moto"}
    assert run_by_moto <= set(PROVIDERS) <= set(RESOURCE_TYPES)
