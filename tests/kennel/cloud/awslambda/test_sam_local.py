"""The same handlers with the same events: `sam local invoke`'s real containers, and here.

It needs ../shared/tools/sam-local (a private engine, and a base image made of this machine's
Python) and .venv-tools (`make tools`); the containers reach the offline cloud at the engine's
bridge. About four minutes: `pytest -m rivals tests/kennel/cloud/awslambda/test_sam_local.py -s`.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from kennel.cloud.cloud import Cloud
from kennel.cloud.runtime.clients import client
from kennel.execution import follow
from kennel.paths import ROOT
from tests.conftest import StartCloud

pytestmark = pytest.mark.rivals

TOOLS = ROOT.parent / "shared" / "tools" / "sam-local"
SAM = ROOT / ".venv-tools" / "bin" / "sam"
BRIDGE = "192.168.213.1"
RUNTIME = f"python{sys.version_info.major}.{sys.version_info.minor}"
ENGINE = {"DOCKER_HOST": "unix:///var/tmp/sam-local/docker.sock"}

#: Event, and the function that takes it.
EVENTS = {
    "classify.photo.json": "ClassifyFunction",
    "classify-no-dog.photo.json": "ClassifyFunction",
    "classify-as-json.photo.json": "ClassifyFunction",
    "classify-gif.json": "ClassifyFunction",
    "classify-not-a-photo.json": "ClassifyFunction",
    "page.json": "PageFunction",
    "openapi.json": "PageFunction",
}


@pytest.fixture(scope="module")
def engine() -> Iterator[None]:
    """A container engine with the base image."""
    if not (TOOLS / "engine").exists():
        pytest.skip(f"no container engine's script at {TOOLS}")
    if not SAM.exists():
        pytest.skip(f"no {SAM}: run `make tools`")
    env = {**os.environ, **ENGINE}
    tools_python = str(SAM.with_name("python"))
    subprocess.run([TOOLS / "engine", "start"], check=True, env=env)
    image = f"public.ecr.aws/lambda/{RUNTIME.replace('python', 'python:')}-rapid-x86_64"
    known = subprocess.run(
        ["docker", "image", "inspect", image], capture_output=True, env=env, check=False
    )
    if known.returncode:
        subprocess.run([TOOLS / "base-image", tools_python], check=True, env=env)
    yield
    subprocess.run([TOOLS / "engine", "stop"], check=True, env=env)


@pytest.fixture(scope="module")
def open_cloud(engine: None, start_cloud: StartCloud) -> Iterator[Cloud]:
    """A cloud that containers reach, with the pretrained model live."""
    with start_cloud(host=BRIDGE) as cloud:
        follow(cloud.url, cloud.stack.outputs["StateMachineArn"], {}, lambda state: None)
        yield cloud


@pytest.fixture(scope="module")
def template(open_cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The two functions as the offline cloud has built them, for `sam local`."""
    port = open_cloud.url.rpartition(":")[2]
    resources: dict[str, Any] = {
        "CommonLayer": {
            "Type": "AWS::Serverless::LayerVersion",
            "Properties": {"ContentUri": str(open_cloud.built["CommonLayer"])},
        }
    }
    for logical_id in sorted(set(EVENTS.values())):
        declared = open_cloud.stack.resources[logical_id].properties
        variables = {**declared["Environment"]["Variables"]}
        if "SAGEMAKER_ENDPOINT_URL" in variables:
            variables["SAGEMAKER_ENDPOINT_URL"] = f"http://{BRIDGE}:{port}"
        resources[logical_id] = {
            "Type": "AWS::Serverless::Function",
            "Properties": {
                "CodeUri": str(open_cloud.built[logical_id]),
                "Handler": declared["Handler"],
                "Runtime": RUNTIME,
                "MemorySize": int(declared["MemorySize"]),
                "Timeout": int(declared["Timeout"]),
                "Layers": [{"Ref": "CommonLayer"}],
                "Environment": {"Variables": {key: str(value) for key, value in variables.items()}},
            },
        }
    file = tmp_path_factory.mktemp("sam") / "template.yaml"
    source = {"Transform": "AWS::Serverless-2016-10-31", "Resources": resources}
    file.write_text(yaml.safe_dump(source))
    return file


def in_container(template: Path, function: str, event: Path) -> Any:
    env = {
        **os.environ,
        **ENGINE,
        "SAM_CLI_TELEMETRY": "0",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": function.replace("Function", "Role"),
        "AWS_SECRET_ACCESS_KEY": "offline",
    }
    command = [
        *(str(SAM), "local", "invoke", function, "-t", str(template), "-e", str(event)),
        "--skip-pull-image",
    ]
    done = subprocess.run(command, capture_output=True, text=True, env=env, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.strip().splitlines()[-1])


def comparable(answer: dict[str, Any]) -> dict[str, Any]:
    """Return a proxy answer without what differs from run to run."""
    body = answer.get("body", "")
    if body.startswith("{"):
        members = {key: value for key, value in json.loads(body).items() if key != "took_ms"}
        return {**answer, "body": members}
    return answer


@pytest.mark.parametrize(("event", "function"), EVENTS.items())
def test_sam_local_and_the_offline_cloud_give_the_same_answer(
    open_cloud: Cloud, template: Path, event: str, function: str
) -> None:
    file = ROOT / "events" / event
    if not file.exists():
        pytest.skip(f"{file} is missing: run `make events`")
    name = open_cloud.stack.resources[function].name
    here = client("lambda", open_cloud.url).invoke(FunctionName=name, Payload=file.read_bytes())
    mine = comparable(json.loads(here["Payload"].read()))
    theirs = comparable(in_container(template, function, file))
    print(f"\n{event}: {theirs['statusCode']} {str(theirs['body'])[:120]}")
    assert mine == theirs
