"""The SageMaker SDKs 2 and 3, unchanged, against an offline cloud: a table of what users do.

Each SDK has a venv of its own (`make sdks`), in which one script makes all the calls in order.
"""

import functools
import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kennel.cloud.cloud import Cloud, run_cloud
from kennel.cloud.config import CloudConfig
from kennel.cloud.iam.identity import OPERATOR_KEY
from kennel.paths import ROOT

pytestmark = pytest.mark.rivals
HERE = Path(__file__).parent
SCRIPTS = {"sdk2": HERE / "steps_v2.py", "sdk3": HERE / "steps_v3.py"}
ROWS = {
    sdk: re.findall(r"^@row\ndef (\w+)", file.read_text(), re.MULTILINE)
    for sdk, file in SCRIPTS.items()
}
NO_TELEMETRY = """
SchemaVersion: "1.0"
SageMaker: {PythonSDK: {Modules: {TelemetryOptOut: true}}}
"""
SECONDS = 900

TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Globals: {Api: {OpenApiVersion: 3.0.1}}
Resources:
  Api: {Type: AWS::Serverless::Api, Properties: {StageName: prod}}
  Data: {Type: AWS::S3::Bucket, Properties: {BucketName: sdk-data}}
  Work:
    Type: AWS::IAM::Role
    Properties:
      RoleName: sdk-work
      AssumeRolePolicyDocument:
        Statement:
          - Effect: Allow
            Principal: {Service: [lambda.amazonaws.com, sagemaker.amazonaws.com]}
            Action: sts:AssumeRole
      Policies:
        - PolicyName: work
          PolicyDocument:
            Version: "2012-10-17"
            Statement:
              - Effect: Allow
                Action: ["s3:*", "logs:*", "cloudwatch:*", "ecr:*", "ec2:*"]  # as version 3 demands
                Resource: "*"
  Hello:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: src
      Handler: app.handler
      Runtime: python3.13
      Role: !GetAtt Work.Arn
      Events: {Get: {Type: Api, Properties: {RestApiId: !Ref Api, Method: get, Path: /hello}}}
"""


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    project = tmp_path_factory.mktemp("project")
    (project / "src").mkdir()
    (project / "src" / "app.py").write_text("def handler(event, context): ...\n")
    (project / "template.yaml").write_text(TEMPLATE)
    config = CloudConfig(
        template=project / "template.yaml", build_folder=project / "build", stack_name="sdk"
    )
    with run_cloud(config) as running:
        yield running


@pytest.fixture(scope="module")
def run(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], dict[str, str]]:
    """Runs an SDK's script at most once, and returns the error of each of its functions or ""."""

    @functools.cache
    def run_script(sdk: str) -> dict[str, str]:
        folder = tmp_path_factory.mktemp(sdk)
        config = folder / "config.yaml"
        config.write_text(NO_TELEMETRY)
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "AWS_ENDPOINT_URL": cloud.url,
            "AWS_ACCESS_KEY_ID": OPERATOR_KEY,
            "AWS_SECRET_ACCESS_KEY": "offline",
            "AWS_DEFAULT_REGION": "us-east-1",
            "SAGEMAKER_SUPPRESS_V2_WARNING": "1",
            "SAGEMAKER_USER_CONFIG_OVERRIDE": str(config),
        }
        command = [_python(sdk), SCRIPTS[sdk], folder]
        log = folder / "log"
        with log.open("w") as out:
            subprocess.run(
                command, env=environment, stdout=out, stderr=out, timeout=SECONDS, check=False
            )
        text = log.read_text(errors="replace")
        rows = dict(json.loads(each) for each in re.findall(r"ROW (\[.*\])$", text, re.MULTILINE))
        assert rows, text[-3000:]
        return rows

    return run_script


def _python(sdk: str) -> Path:
    return ROOT / f".venv-{sdk}" / "bin" / "python"


@pytest.mark.parametrize(("sdk", "row"), [(sdk, row) for sdk in ROWS for row in ROWS[sdk]])
def test_a_call_does_what_it_does_on_aws(
    run: Callable[[str], dict[str, str]], sdk: str, row: str
) -> None:
    if not _python(sdk).exists():
        pytest.skip(f"there is no .venv-{sdk}: run `make sdks`")
    assert run(sdk).get(row, "the script ended before this row") == ""
