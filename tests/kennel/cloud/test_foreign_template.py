"""A SAM template that is not Kennel's: one function behind a REST API."""

import json
from collections.abc import Iterator

import httpx
import pytest
from botocore.exceptions import ClientError

from kennel.cloud.cloud import Cloud, run_cloud
from kennel.cloud.config import CloudConfig
from kennel.cloud.iam.policy import RequiredPermission
from kennel.cloud.runtime.clients import client

TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Globals: {Api: {OpenApiVersion: 3.0.1}}
Parameters:
  Greeting: {Type: String, Default: Hello}
Resources:
  Api:
    Type: AWS::Serverless::Api
    Properties: {StageName: prod}
  GreetRole:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Statement:
          - {Effect: Allow, Principal: {Service: lambda.amazonaws.com}, Action: sts:AssumeRole}
      Policies:
        - PolicyName: logs
          PolicyDocument:
            Version: "2012-10-17"
            Statement: [{Effect: Allow, Action: "logs:*", Resource: "*"}]
  Greet:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: src/greet
      Handler: app.handler
      Runtime: python3.13
      Role: !GetAtt GreetRole.Arn
      Environment: {Variables: {GREETING: !Ref Greeting}}
      Events:
        Get: {Type: Api, Properties: {RestApiId: !Ref Api, Method: get, Path: /greet}}
  Notes: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: noted}}
Outputs:
  Function: {Value: !Ref Greet}
"""
CODE = """
import json
import os

import words


def handler(event, context):
    name = event["queryStringParameters"]["name"]
    body = {"text": f"{os.environ['GREETING']}, {words.upper(name)}!"}
    return {"statusCode": 200, "body": json.dumps(body)}
"""


@pytest.fixture(scope="module")
def used() -> list[tuple[str, RequiredPermission]]:
    """Permissions that roles of the stack had and used."""
    return []


@pytest.fixture(scope="module")
def cloud(
    tmp_path_factory: pytest.TempPathFactory, used: list[tuple[str, RequiredPermission]]
) -> Iterator[Cloud]:
    project = tmp_path_factory.mktemp("project")
    source = project / "src" / "greet"
    source.mkdir(parents=True)
    (source / "app.py").write_text(CODE)
    (source / "words.py").write_text("upper = str.upper\n")
    (project / "template.yaml").write_text(TEMPLATE)
    config = CloudConfig(
        template=project / "template.yaml",
        parameters={"Greeting": "Good day"},
        build_folder=project / "build",
        stack_name="foreign",
        on_authorised=lambda role, permission: used.append((role, permission)),
    )
    with run_cloud(config) as running:
        yield running


def test_the_function_answers_behind_the_api(cloud: Cloud) -> None:
    answer = httpx.get(f"{cloud.api_url}/greet", params={"name": "you"}, timeout=60)
    assert (answer.status_code, answer.json()) == (200, {"text": "Good day, YOU!"})
    assert httpx.get(f"{cloud.api_url}/other").status_code == 403


def test_the_function_is_invoked_by_its_name(cloud: Cloud) -> None:
    event = {"queryStringParameters": {"name": "me"}}
    answer = client("lambda", cloud.url).invoke(
        FunctionName=cloud.stack.outputs["Function"], Payload=json.dumps(event)
    )
    assert "Good day, ME!" in json.loads(answer["Payload"].read())["body"]


def test_an_unknown_call_gets_its_own_services_error(cloud: Cloud) -> None:
    answers = {
        service: httpx.post(
            f"{cloud.url}/nowhere/at/all",
            headers={
                "authorization": "AWS4-HMAC-SHA256 Credential=kennel-operator/20260101/us-east-1/"
                f"{service}/aws4_request, SignedHeaders=host, Signature=0"
            },
        )
        for service in ("sns", "lambda", "states", "nothing")
    }
    assert {each.status_code for each in answers.values()} == {501}
    assert answers["sns"].text.startswith('<?xml version="1.0"?><ErrorResponse>')
    assert answers["lambda"].headers["x-amzn-errortype"] == "NotImplementedOffline"
    assert answers["states"].json()["__type"] == "NotImplementedOffline"
    assert answers["nothing"].json()["__type"] == "NotImplementedOffline"


def test_a_call_that_moto_does_not_emulate_gets_no_page_for_people(cloud: Cloud) -> None:
    with pytest.raises(ClientError) as raised:
        client("translate", cloud.url).translate_text(
            Text="x", SourceLanguageCode="en", TargetLanguageCode="de"
        )
    assert raised.value.response["Error"]["Code"] in {"NotImplementedOffline", "InternalFailure"}


def test_a_stack_of_another_template_is_deleted_whole(
    cloud: Cloud, used: list[tuple[str, RequiredPermission]]
) -> None:
    assert cloud.delete_stack() == []
    assert client("ssm", cloud.url).describe_parameters()["Parameters"] == []
    assert {role for role, _ in used} <= {"GreetRole"}
