"""CloudFormation's calls in an empty cloud, each rule with the page that says so."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError, WaiterError

from kennel.cloud.cloud import Cloud, run_cloud
from kennel.cloud.config import CloudConfig
from kennel.cloud.runtime.clients import client

QUEUE = json.dumps({"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}})
SIZED = """
Description: a queue of some seconds
Parameters:
  Seconds: {Type: Number, Default: 30, MaxValue: 900, Description: how long}
  Secret: {Type: String, Default: hush, NoEcho: true}
Resources:
  Queue: {Type: AWS::SQS::Queue, Properties: {DelaySeconds: !Ref Seconds}}
Outputs:
  Url: {Description: where, Value: !Ref Queue}
"""
ROLE = """
Resources:
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: 2012-10-17
        Statement:
          - {Effect: Allow, Principal: {Service: lambda.amazonaws.com}, Action: "sts:AssumeRole"}
      ManagedPolicyArns: ["arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"]
"""
SOON = {"Delay": 1, "MaxAttempts": 60}


@pytest.fixture(scope="module")
def empty_cloud() -> Iterator[Cloud]:
    with run_cloud(CloudConfig()) as cloud:
        yield cloud


@pytest.fixture
def cf(empty_cloud: Cloud) -> Iterator[Any]:
    cloudformation = client("cloudformation", empty_cloud.url)
    yield cloudformation
    for stack in cloudformation.describe_stacks()["Stacks"]:
        name = stack["StackName"]
        cloudformation.update_termination_protection(
            StackName=name, EnableTerminationProtection=False
        )
        cloudformation.delete_stack(StackName=name)
        cloudformation.get_waiter("stack_delete_complete").wait(StackName=name, WaiterConfig=SOON)


def create(cf: Any, name: str, body: str, **more: Any) -> Any:
    cf.create_stack(StackName=name, TemplateBody=body, **more)
    cf.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig=SOON)
    return described(cf, name)


def described(cf: Any, name: str) -> Any:
    (stack,) = cf.describe_stacks(StackName=name)["Stacks"]
    return stack


def refusal(call: Any, **parameters: Any) -> tuple[str, str]:
    """Return the code and the message of the error that a call must end with."""
    with pytest.raises(ClientError) as raised:
        call(**parameters)
    error = raised.value.response["Error"]
    return error["Code"], error["Message"]


def test_an_empty_cloud_has_no_stack_and_no_api(empty_cloud: Cloud, cf: Any) -> None:
    assert cf.describe_stacks()["Stacks"] == []
    assert (empty_cloud.stack.resources, empty_cloud.stack.outputs) == ({}, {})


def test_a_change_set_makes_a_stack_in_review_and_creates_it(cf: Any) -> None:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-updating-stacks-changesets-create.html"""
    made = cf.create_change_set(
        StackName="one", ChangeSetName="first", ChangeSetType="CREATE", TemplateBody=SIZED
    )
    cf.get_waiter("change_set_create_complete").wait(ChangeSetName=made["Id"], WaiterConfig=SOON)
    assert described(cf, "one")["StackStatus"] == "REVIEW_IN_PROGRESS"
    (event,) = cf.describe_stack_events(StackName="one")["StackEvents"]
    assert event["ResourceStatus"] == "REVIEW_IN_PROGRESS"
    planned = cf.describe_change_set(StackName="one", ChangeSetName="first")
    (change,) = planned["Changes"]
    assert change["ResourceChange"]["Action"] == "Add"
    assert (planned["Status"], planned["ExecutionStatus"]) == ("CREATE_COMPLETE", "AVAILABLE")
    cf.execute_change_set(StackName="one", ChangeSetName="first")
    cf.get_waiter("stack_create_complete").wait(StackName="one", WaiterConfig=SOON)
    stack = described(cf, "one")
    assert stack["ChangeSetId"] == made["Id"]
    assert stack["Outputs"][0]["Description"] == "where"
    assert {each["ParameterKey"]: each["ParameterValue"] for each in stack["Parameters"]} == {
        "Seconds": "30",
        "Secret": "****",  # NoEcho
    }
    code, _message = refusal(cf.execute_change_set, StackName="one", ChangeSetName="first")
    assert code == "InvalidChangeSetStatus"


def test_a_change_set_says_what_an_update_replaces(cf: Any) -> None:
    queue = {"Type": "AWS::SQS::Queue"}
    create(cf, "one", json.dumps({"Resources": {"Fifo": queue, "Gone": queue}}))
    properties = {"FifoQueue": "true", "DelaySeconds": 5, "QueueName": "x.fifo"}
    body = {"Resources": {"Fifo": {**queue, "Properties": properties}}}
    cf.create_change_set(StackName="one", ChangeSetName="next", TemplateBody=json.dumps(body))
    changes = {
        each["ResourceChange"]["LogicalResourceId"]: each["ResourceChange"]
        for each in cf.describe_change_set(StackName="one", ChangeSetName="next")["Changes"]
    }
    assert changes["Gone"]["Action"] == "Remove"
    assert changes["Fifo"]["Replacement"] == "True"
    recreated = {
        each["Target"]["Name"]: each["Target"]["RequiresRecreation"]
        for each in changes["Fifo"]["Details"]
    }
    assert recreated == {"FifoQueue": "Always", "QueueName": "Always", "DelaySeconds": "Never"}


def test_a_change_set_without_changes_fails_and_says_so(cf: Any) -> None:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/troubleshooting.html"""
    create(cf, "one", QUEUE)
    cf.create_change_set(StackName="one", ChangeSetName="none", TemplateBody=QUEUE)
    with pytest.raises(WaiterError):
        cf.get_waiter("change_set_create_complete").wait(
            StackName="one", ChangeSetName="none", WaiterConfig=SOON
        )
    planned = cf.describe_change_set(StackName="one", ChangeSetName="none")
    assert "didn't contain changes" in planned["StatusReason"]
    code, message = refusal(cf.update_stack, StackName="one", TemplateBody=QUEUE)
    assert (code, message) == ("ValidationError", "No updates are to be performed.")


def test_an_update_keeps_values_and_the_template_on_request(cf: Any) -> None:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_UpdateStack.html"""
    seconds = {"ParameterKey": "Seconds", "ParameterValue": "5"}
    create(cf, "one", SIZED, Parameters=[seconds], Tags=[{"Key": "team", "Value": "dogs"}])
    cf.update_stack(
        StackName="one",
        UsePreviousTemplate=True,
        Parameters=[
            {"ParameterKey": "Seconds", "UsePreviousValue": True},
            {"ParameterKey": "Secret", "ParameterValue": "new"},
        ],
    )
    cf.get_waiter("stack_update_complete").wait(StackName="one", WaiterConfig=SOON)
    stack = described(cf, "one")
    assert stack["Parameters"][0]["ParameterValue"] == "5"
    assert stack["Tags"] == [{"Key": "team", "Value": "dogs"}]
    assert cf.get_template(StackName="one")["TemplateBody"] == SIZED


def test_roles_need_their_capability(cf: Any) -> None:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStack.html"""
    code, message = refusal(cf.create_stack, StackName="one", TemplateBody=ROLE)
    assert code == "InsufficientCapabilitiesException"
    assert message == "Requires capabilities : [CAPABILITY_IAM]"
    assert cf.describe_stacks()["Stacks"] == []
    create(cf, "one", ROLE, Capabilities=["CAPABILITY_NAMED_IAM"])
    named = ROLE.replace("Properties:", "Properties:\n      RoleName: mine", 1)
    code, message = refusal(
        cf.update_stack, StackName="one", TemplateBody=named, Capabilities=["CAPABILITY_IAM"]
    )
    assert "CAPABILITY_NAMED_IAM" in message
    serverless = "Transform: AWS::Serverless-2016-10-31\n" + SIZED
    code, message = refusal(cf.create_stack, StackName="two", TemplateBody=serverless)
    assert "CAPABILITY_AUTO_EXPAND" in message


def test_a_failed_creation_is_rolled_back_with_its_reason(cf: Any) -> None:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stack-failure-options.html"""
    body = QUEUE.replace('"AWS::SQS::Queue"', '"AWS::SQS::Queue", "Properties": {"QueueName": "/"}')
    with pytest.raises(WaiterError):
        create(cf, "one", body)
    assert described(cf, "one")["StackStatus"] == "ROLLBACK_COMPLETE"
    events = cf.describe_stack_events(StackName="one")["StackEvents"]
    (failed,) = [each for each in events if each["ResourceStatus"] == "CREATE_FAILED"]
    assert failed["LogicalResourceId"] == "Queue"
    assert "alphanumeric" in failed["ResourceStatusReason"]
    _code, message = refusal(cf.update_stack, StackName="one", TemplateBody=QUEUE)
    assert "is in ROLLBACK_COMPLETE state and can not be updated" in message
    with pytest.raises(WaiterError):
        create(cf, "two", body, OnFailure="DO_NOTHING")
    assert described(cf, "two")["StackStatus"] == "CREATE_FAILED"


def test_a_stack_is_found_by_its_arn_after_its_deletion(cf: Any) -> None:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStacks.html"""
    arn = create(cf, "one", QUEUE)["StackId"]
    cf.delete_stack(StackName="one")
    cf.get_waiter("stack_delete_complete").wait(StackName=arn, WaiterConfig=SOON)
    code, message = refusal(cf.describe_stacks, StackName="one")
    assert (code, message) == ("ValidationError", "Stack with id one does not exist")
    assert described(cf, arn)["StackStatus"] == "DELETE_COMPLETE"
    cf.delete_stack(StackName="one")  # of what is not there succeeds
    deleted = cf.list_stacks(StackStatusFilter=["DELETE_COMPLETE"])["StackSummaries"]
    assert arn in [each["StackId"] for each in deleted]


def test_a_protected_stack_is_not_deleted(cf: Any) -> None:
    create(cf, "one", QUEUE, EnableTerminationProtection=True)
    _code, message = refusal(cf.delete_stack, StackName="one")
    assert "cannot be deleted while TerminationProtection is enabled" in message


def test_a_template_in_a_bucket_is_read(empty_cloud: Cloud, cf: Any) -> None:
    s3 = client("s3", empty_cloud.url)
    s3.create_bucket(Bucket="templates")
    s3.put_object(Bucket="templates", Key="a folder/queue.json", Body=QUEUE.encode())
    for url in (
        f"{empty_cloud.url}/templates/a%20folder/queue.json",  # as `sam deploy` writes it
        "https://s3.us-east-1.amazonaws.com/templates/a%20folder/queue.json",
        "https://templates.s3.us-east-1.amazonaws.com/a%20folder/queue.json",
    ):
        summary = cf.get_template_summary(TemplateURL=url)
        assert summary["ResourceTypes"] == ["AWS::SQS::Queue"]
    code, _message = refusal(cf.validate_template, TemplateURL=f"{empty_cloud.url}/templates/none")
    assert code == "ValidationError"


def test_a_template_is_summarised_and_validated(cf: Any) -> None:
    summary = cf.get_template_summary(TemplateBody=SIZED)
    seconds, secret = summary["Parameters"]
    assert (seconds["ParameterKey"], seconds["DefaultValue"]) == ("Seconds", "30")
    assert secret["NoEcho"] is True
    validated = cf.validate_template(TemplateBody=ROLE)
    assert validated["Capabilities"] == ["CAPABILITY_IAM"]
    _code, message = refusal(cf.validate_template, TemplateBody="Resources: [")
    assert "neither YAML nor JSON" in message


def test_wrong_parameters_and_types_are_named(cf: Any) -> None:
    many = {"ParameterKey": "Seconds", "ParameterValue": "9000"}
    _, message = refusal(cf.create_stack, StackName="one", TemplateBody=SIZED, Parameters=[many])
    assert "Seconds is '9000'" in message
    unknown = QUEUE.replace("SQS::Queue", "Kinesis::Stream")
    _code, message = refusal(cf.create_stack, StackName="one", TemplateBody=unknown)
    assert "AWS::Kinesis::Stream" in message
    assert cf.describe_stacks()["Stacks"] == []


def test_resources_are_listed_and_found_by_their_physical_ids(cf: Any) -> None:
    create(cf, "one", QUEUE)
    (listed,) = cf.list_stack_resources(StackName="one")["StackResourceSummaries"]
    assert listed["ResourceStatus"] == "CREATE_COMPLETE"
    detail = cf.describe_stack_resource(StackName="one", LogicalResourceId="Queue")
    assert detail["StackResourceDetail"]["PhysicalResourceId"] == listed["PhysicalResourceId"]
    (same,) = cf.describe_stack_resources(PhysicalResourceId=listed["PhysicalResourceId"])[
        "StackResources"
    ]
    assert same["StackName"] == "one"
    code, _ = refusal(cf.describe_stack_resource, StackName="one", LogicalResourceId="None")
    assert code == "ValidationError"


def test_a_role_of_a_template_has_its_managed_policies(empty_cloud: Cloud, cf: Any) -> None:
    create(cf, "one", ROLE, Capabilities=["CAPABILITY_IAM"])
    logs = client("logs", empty_cloud.url, "Role")
    logs.create_log_group(logGroupName="/of/role")
    _code, message = refusal(
        client("sqs", empty_cloud.url, "Role").send_message, QueueUrl="http://x/q", MessageBody="x"
    )
    assert "is not authorized to perform: sqs:SendMessage" in message
    client("logs", empty_cloud.url).delete_log_group(logGroupName="/of/role")


def test_what_is_not_emulated_is_refused_by_name(cf: Any) -> None:
    code, message = refusal(cf.detect_stack_drift, StackName="one")
    assert (code, "cloudformation:DetectStackDrift" in message) == ("NotImplementedOffline", True)
