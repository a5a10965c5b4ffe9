"""A stack that a client deployed works after a restart, with what some services have lost."""

import json
from pathlib import Path

import httpx

from kennel.cloud.cloud import run_cloud
from kennel.cloud.config import CloudConfig
from kennel.cloud.runtime.clients import client

TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Note: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: first}}
  Hello:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.13
      Handler: index.handler
      InlineCode: |
        import os
        import boto3
        def handler(event, context):
            ssm = boto3.client("ssm")
            value = ssm.get_parameter(Name=os.environ["NOTE"])["Parameter"]["Value"]
            return {"statusCode": 200, "body": f"{value} {event['pathParameters']['name']}"}
      Environment: {Variables: {NOTE: !Ref Note}}
      Policies: [{SSMParameterReadPolicy: {ParameterName: !Ref Note}}]
      Events: {Get: {Type: Api, Properties: {Path: "/hello/{name}", Method: get}}}
Outputs:
  Url: {Value: !Sub "https://${ServerlessRestApi}.execute-api.${AWS::Region}.amazonaws.com/Prod"}
"""


def test_what_was_deployed_is_there_again(tmp_path: Path) -> None:
    config = CloudConfig(state=tmp_path / "state")
    with run_cloud(config) as cloud:
        cloudformation = client("cloudformation", cloud.url)
        cloudformation.create_stack(
            StackName="hello",
            TemplateBody=TEMPLATE,
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        )
        waiter = cloudformation.get_waiter("stack_create_complete")
        waiter.wait(StackName="hello", WaiterConfig={"Delay": 1, "MaxAttempts": 60})
        client("ssm", cloud.url).put_parameter(Name="hello-Note", Value="changed", Overwrite=True)
    with run_cloud(config) as cloud:
        cloudformation = client("cloudformation", cloud.url)
        (stack,) = cloudformation.describe_stacks(StackName="hello")["Stacks"]
        assert stack["StackStatus"] == "CREATE_COMPLETE"
        (output,) = stack["Outputs"]
        assert output["OutputValue"].startswith(cloud.url)  # its port is another one now
        answer = httpx.get(f"{output['OutputValue']}/hello/dogs", trust_env=False)
        assert (answer.status_code, answer.text) == (200, "changed dogs")
        roles = client("iam", cloud.url).list_roles()["Roles"]
        assert "hello-HelloRole" in [each["RoleName"] for each in roles]
        events = cloudformation.describe_stack_events(StackName="hello")["StackEvents"]
        assert json.dumps(events, default=str).count("CREATE_COMPLETE") >= 5
