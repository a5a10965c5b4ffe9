"""A SAM template that is not Kennel's: one function behind a REST API."""

import base64
import contextlib
import hashlib
import io
import json
import time
import zipfile
from collections.abc import Iterator
from typing import Any

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
        Web: {Type: HttpApi, Properties: {Method: any, Path: "/hello/{proxy+}"}}
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


def test_the_function_answers_behind_an_http_api_beside_it(cloud: Cloud) -> None:
    (api,) = client("apigatewayv2", cloud.url).get_apis()["Items"]
    for url in (f"{cloud.url}/hello/x", f"{cloud.url}/_aws/execute-api/{api['ApiId']}/hello/x/y"):
        answer = httpx.post(url, params={"name": "you"}, timeout=60)
        assert (answer.status_code, answer.json()) == (200, {"text": "Good day, YOU!"})
    unknown = httpx.post(f"{cloud.url}/")  # the only HTTP API has the root
    assert (unknown.status_code, unknown.json()) == (404, {"message": "Not Found"})


def test_the_function_is_invoked_by_its_name(cloud: Cloud) -> None:
    event = {"queryStringParameters": {"name": "me"}}
    answer = client("lambda", cloud.url).invoke(
        FunctionName=cloud.stack.outputs["Function"], Payload=json.dumps(event)
    )
    assert "Good day, ME!" in json.loads(answer["Payload"].read())["body"]


def greeting(cloud: Cloud) -> str:
    answer = httpx.get(f"{cloud.api_url}/greet", params={"name": "you"}, timeout=60)
    return str(answer.json()["text"]) if answer.is_success else str(answer.status_code)


def zipped(code: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("other.py", code)
    return packed.getvalue()


def test_a_changed_function_is_live_at_once(cloud: Cloud) -> None:
    functions, name = client("lambda", cloud.url), cloud.stack.outputs["Function"]
    before = functions.get_function_configuration(FunctionName=name)
    changed = functions.update_function_configuration(
        FunctionName=name, Environment={"Variables": {"GREETING": "Hi"}}, Timeout=7
    )
    assert (changed["Timeout"], greeting(cloud)) == (7, "Hi, YOU!")
    packed = zipped(CODE.replace("words.upper", "str.lower").replace("import words", ""))
    updated = functions.update_function_code(FunctionName=name, ZipFile=packed)
    assert updated["CodeSha256"] == base64.b64encode(hashlib.sha256(packed).digest()).decode()
    assert updated["CodeSize"] == len(packed)
    assert greeting(cloud) == "502"  # app.py is not in it
    functions.update_function_configuration(FunctionName=name, Handler="other.handler")
    assert greeting(cloud) == "Hi, you!"
    s3 = client("s3", cloud.url)
    s3.create_bucket(Bucket="code")
    s3.put_object(Bucket="code", Key="new", Body=zipped(CODE.replace("words", "str")[:-1]))
    functions.update_function_code(FunctionName=name, S3Bucket="code", S3Key="new", DryRun=True)
    assert greeting(cloud) == "Hi, you!"
    functions.update_function_code(
        FunctionName=name,
        S3Bucket="code",
        S3Key="new",
        RevisionId=functions.get_function(FunctionName=name)["Configuration"]["RevisionId"],
    )
    assert functions.get_function(FunctionName=name)["Configuration"]["Timeout"] == 7
    assert before["CodeSha256"] != updated["CodeSha256"]


def test_a_function_takes_another_role_that_trusts_lambda(cloud: Cloud) -> None:
    iam, functions = client("iam", cloud.url), client("lambda", cloud.url)
    principal = {"Service": "lambda.amazonaws.com"}
    trust = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": trust})
    role = iam.create_role(RoleName="reader", AssumeRolePolicyDocument=document)["Role"]["Arn"]
    name = cloud.stack.outputs["Function"]
    code = "import os\n\ndef handler(event, context):\n    return os.environ['AWS_ACCESS_KEY_ID']\n"
    functions.update_function_code(FunctionName=name, ZipFile=zipped(code))
    functions.update_function_configuration(FunctionName=name, Role=role, Handler="other.handler")
    key = json.loads(functions.invoke(FunctionName=name)["Payload"].read())
    identity = client("sts", cloud.url, key).get_caller_identity()["Arn"]
    assert ":assumed-role/reader/" in identity
    read = client("ssm", cloud.url, key).get_parameter
    with pytest.raises(ClientError, match="ssm:GetParameter"):
        read(Name="foreign-Notes")
    allowed = {"Effect": "Allow", "Action": "ssm:GetParameter", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": allowed})
    iam.put_role_policy(RoleName="reader", PolicyName="read", PolicyDocument=document)
    assert read(Name="foreign-Notes")["Parameter"]["Value"] == "noted"


def test_what_a_function_prints_is_tailed(cloud: Cloud) -> None:
    functions, logs = client("lambda", cloud.url), client("logs", cloud.url)
    name = cloud.stack.outputs["Function"]
    code = "def handler(event, context):\n    print(event['say'])\n"
    functions.update_function_code(FunctionName=name, ZipFile=zipped(code))
    functions.update_function_configuration(
        FunctionName=name,
        Handler="other.handler",
        Role=cloud.stack.resources["GreetRole"].arn,
    )
    started = int(time.time() * 1000) - 60_000
    for said in ("TAILED first", '{"level": "TAILED", "count": 3}', '{"level": "LAST"}'):
        functions.invoke(FunctionName=name, Payload=json.dumps({"say": said}))
    group = f"/aws/lambda/{name}"  # which the role may create, and no template declares

    def tailed(pattern: str, **parameters: Any) -> list[str]:
        asked = {"logGroupName": group, "startTime": started, "interleaved": True, **parameters}
        pages = logs.get_paginator("filter_log_events").paginate(filterPattern=pattern, **asked)
        return [each["message"] for page in pages for each in page["events"]]

    for _ in range(100):
        with contextlib.suppress(logs.exceptions.ResourceNotFoundException):
            if tailed("LAST"):
                break
        time.sleep(0.1)
    assert len(tailed("TAILED")) == 2
    assert tailed('{ $.level = "TAIL*" && $.count > 2 }') == ['{"level": "TAILED", "count": 3}']
    assert tailed("TAILED -level") == ["TAILED first"]
    assert len(tailed("?first ?LAST", limit=2)) == 2
    (stream,) = logs.describe_log_streams(logGroupName=group)["logStreams"]
    prefix = stream["logStreamName"][:12]
    assert len(tailed("TAILED", logStreamNamePrefix=prefix)) == 2
    assert tailed("TAILED", logStreamNamePrefix=f"{prefix}none") == []
    with pytest.raises(logs.exceptions.InvalidParameterException, match="Only one of"):
        tailed("TAILED", logStreamNamePrefix=prefix, logStreamNames=["none"])
    arn = f"arn:aws:logs:us-east-1:123456789012:log-group:{group}"
    events = logs.filter_log_events(logGroupIdentifier=arn, filterPattern="first")["events"]
    assert [each["message"] for each in events] == ["TAILED first"]
    with pytest.raises(logs.exceptions.ResourceNotFoundException):
        logs.filter_log_events(logGroupName="/none")


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
    assert {role for role, _ in used if not role.startswith("AROA")} <= {"GreetRole"}
