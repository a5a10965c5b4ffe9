"""A cloud that ends answers the requests under way, and no new ones."""

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import httpx

from kennel.cloud.cloud import run_cloud
from kennel.cloud.config import CloudConfig

TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Globals: {Api: {OpenApiVersion: 3.0.1}}
Resources:
  Api:
    Type: AWS::Serverless::Api
    Properties: {StageName: prod}
  SlowRole:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Statement:
          - {Effect: Allow, Principal: {Service: lambda.amazonaws.com}, Action: sts:AssumeRole}
      Policies:
        - PolicyName: list
          PolicyDocument:
            Version: "2012-10-17"
            Statement: [{Effect: Allow, Action: "s3:ListAllMyBuckets", Resource: "*"}]
  Slow:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: src
      Handler: app.handler
      Runtime: python3.13
      Timeout: 20
      Role: !GetAtt SlowRole.Arn
      Events:
        Get: {Type: Api, Properties: {RestApiId: !Ref Api, Method: get, Path: /slow}}
"""
#: It calls AWS once the cloud has begun to end: that takes a new connection to the gateway.
CODE = """
import os
import time
import urllib.request


def handler(event, context):
    time.sleep(float(event["queryStringParameters"]["seconds"]))
    credential = f"{os.environ['AWS_ACCESS_KEY_ID']}/20260101/us-east-1/s3/aws4_request"
    signed = f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=0"
    request = urllib.request.Request(
        os.environ["AWS_ENDPOINT_URL"] + "/", headers={"Authorization": signed}
    )
    with urllib.request.urlopen(request) as answer:
        return {"statusCode": 200, "body": str(answer.status)}
"""


def test_requests_under_way_are_answered_before_the_cloud_ends(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "app.py").write_text(CODE)
    (tmp_path / "template.yaml").write_text(TEMPLATE)
    config = CloudConfig(
        template=tmp_path / "template.yaml", build_folder=tmp_path / "build", stack_name="drained"
    )

    def get(url: str, seconds: float) -> httpx.Response:
        return httpx.get(f"{url}/slow?seconds={seconds}", timeout=60)

    refused: Future[httpx.Response] = Future()
    with ThreadPoolExecutor(1) as pool:
        with run_cloud(config) as cloud:
            url = cloud.api_url
            assert get(url, 0).text == "200"
            answer = pool.submit(get, url, 4)
            time.sleep(1)
            late = threading.Timer(1, lambda: refused.set_result(get(url, 0)))
            late.start()
        assert answer.done()
        assert (answer.result().status_code, answer.result().text) == (200, "200")
        assert refused.result(10).status_code == 503
        assert refused.result().headers["retry-after"] == "1"
