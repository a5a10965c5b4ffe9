"""The SAM command line, unchanged, with a small project and an empty offline cloud."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from kennel.cloud.cloud import Cloud, run_cloud
from kennel.cloud.config import CloudConfig
from kennel.cloud.iam.identity import OPERATOR_KEY
from kennel.cloud.runtime.clients import client
from kennel.paths import PYTHON, ROOT

pytestmark = [pytest.mark.rivals, pytest.mark.slow]
SAM = ROOT / ".venv-tools" / "bin" / "sam"
PROJECT = Path(__file__).parent / "dogs_api"
DEPLOY = (
    *("deploy", "--stack-name", "dogs", "--resolve-s3", "--capabilities", "CAPABILITY_IAM"),
    "--no-confirm-changeset",
)
TAKEN = """
  Second:
    Type: AWS::DynamoDB::Table
    DependsOn: DogsFunction
    Properties:
      TableName: taken
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: x, AttributeType: S}]
      KeySchema: [{AttributeName: x, KeyType: HASH}]

Outputs:"""


@dataclass
class Project:
    """A SAM project in a folder, and the cloud that its commands call."""

    folder: Path
    cloud: Cloud

    def sam(self, *arguments: str, status: int = 0) -> str:
        """Run a command of SAM's; return what it prints."""
        environment = {
            "PATH": f"{PYTHON.parent}:{os.environ['PATH']}",  # `sam build` looks for its Python
            "HOME": str(self.folder.parent),
            "AWS_ENDPOINT_URL": self.cloud.url,
            "AWS_ACCESS_KEY_ID": OPERATOR_KEY,
            "AWS_SECRET_ACCESS_KEY": "offline",
            "AWS_DEFAULT_REGION": "us-east-1",
            "SAM_CLI_TELEMETRY": "0",
            "COLUMNS": "200",
        }
        done = subprocess.run(
            [str(SAM), *arguments],
            cwd=self.folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if status else subprocess.PIPE,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == status, f"{done.stdout}\n{done.stderr}"
        return done.stdout

    def change(self, old: str, new: str) -> None:
        """Change the template."""
        template = self.folder / "template.yaml"
        text = template.read_text()
        assert old in text
        template.write_text(text.replace(old, new))

    def stack(self) -> Any:
        """Return what CloudFormation says about the project's stack."""
        (stack,) = client("cloudformation", self.cloud.url).describe_stacks(StackName="dogs")[
            "Stacks"
        ]
        return stack

    def events(self) -> list[Any]:
        """Return the events of the project's stack."""
        calls = client("cloudformation", self.cloud.url)
        return list(calls.describe_stack_events(StackName="dogs")["StackEvents"])

    def greeting(self) -> str:
        """Return what the API greets with."""
        outputs = {each["OutputKey"]: each["OutputValue"] for each in self.stack()["Outputs"]}
        answer = httpx.put(f"{outputs['Api']}Bello", json={"breed": "Beagle"}, timeout=60)
        return str(answer.json()["greeting"])


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    if not SAM.exists():
        pytest.skip("no sam in .venv-tools: run `make tools`")
    folder = tmp_path_factory.mktemp("home") / "dogs"
    shutil.copytree(PROJECT, folder)
    with run_cloud(CloudConfig()) as cloud:
        made = Project(folder, cloud)
        made.change("python3.13", f"python3.{sys.version_info.minor}")
        yield made


def test_a_project_is_built_deployed_looked_at_changed_and_deleted(project: Project) -> None:
    """The steps depend on each other, so they are one test."""
    project.sam("build")
    assert "Successfully created/updated stack - dogs" in project.sam(*DEPLOY)
    assert project.greeting() == "Hello"

    listed = json.loads(
        project.sam("list", "resources", "--stack-name", "dogs", "--output", "json")
    )
    physical = {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in listed}
    assert {"Dogs", "DogsFunction", "DogsFunctionRole", "ServerlessRestApi"} <= set(physical)
    endpoints = json.loads(
        project.sam("list", "endpoints", "--stack-name", "dogs", "--output", "json")
    )
    (api,) = [each for each in endpoints if each["LogicalResourceId"] == "ServerlessRestApi"]
    assert api["PhysicalResourceId"] == physical["ServerlessRestApi"]
    assert "/dogs/{name}" in str(api["Methods"])
    outputs = json.loads(
        project.sam("list", "stack-outputs", "--stack-name", "dogs", "--output", "json")
    )
    assert {each["OutputKey"]: each["OutputValue"] for each in outputs}["Function"] == physical[
        "DogsFunction"
    ]

    event = json.dumps({"httpMethod": "GET", "pathParameters": {"name": "Bello"}})
    invoked = project.sam(
        *("remote", "invoke", "DogsFunction", "--stack-name", "dogs", "--event", event)
    )
    assert json.loads(json.loads(invoked)["body"])["dog"]["breed"] == "Beagle"
    for _ in range(20):
        logged = project.sam("logs", "--stack-name", "dogs", "--name", "DogsFunction")
        if "asked for Bello" in logged:
            break
        time.sleep(1)
    assert "asked for Bello" in logged

    refused = project.sam(*DEPLOY, status=1)
    assert "No changes to deploy. Stack dogs is up to date" in refused
    assert "up to date" in project.sam(*DEPLOY, "--no-fail-on-empty-changeset")

    client("dynamodb", project.cloud.url).create_table(
        TableName="taken",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "x", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "x", "KeyType": "HASH"}],
    )
    project.change("\nOutputs:", TAKEN)
    project.sam("build")
    failed = project.sam(*DEPLOY, "--parameter-overrides", "Greeting=Welcome", status=1)
    assert "UPDATE_ROLLBACK_IN_PROGRESS" in failed
    reasons = [each.get("ResourceStatusReason", "") for each in project.events()]
    assert any("Table already exists: taken" in reason for reason in reasons)
    assert (project.stack()["StackStatus"], project.greeting()) == (
        "UPDATE_ROLLBACK_COMPLETE",
        "Hello",
    )
    project.change("TableName: taken", "TableName: free")
    project.sam("build")
    project.sam(*DEPLOY, "--parameter-overrides", "Greeting=Welcome")
    assert project.greeting() == "Welcome"

    project.sam("delete", "--stack-name", "dogs", "--no-prompts")
    stacks = client("cloudformation", project.cloud.url).describe_stacks()["Stacks"]
    assert [each["StackName"] for each in stacks] == ["aws-sam-cli-managed-default"]
    assert client("lambda", project.cloud.url).list_functions()["Functions"] == []
    assert client("dynamodb", project.cloud.url).list_tables()["TableNames"] == ["taken"]
