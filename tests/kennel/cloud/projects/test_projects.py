"""Projects of other shapes than Kennel's, which is how its users write theirs.

`dogs_api` (an API, a function, a table) and `sums` (a state machine, a rule, a schedule) are SAM
projects, deployed unbuilt. `scorer` (an endpoint of AWS's image) is deployed with boto3 beside the
first.
"""

import io
import json
import tarfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import torch
from botocore.exceptions import ClientError, WaiterError

from kennel.cloud.cloud import Cloud, run_cloud
from kennel.cloud.config import CloudConfig
from kennel.cloud.runtime.clients import client

HERE = Path(__file__).parent
SOON = {"Delay": 1, "MaxAttempts": 300}


@pytest.fixture(scope="module")
def dogs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    config = CloudConfig(
        template=HERE / "dogs_api" / "template.yaml",
        parameters={"Greeting": "Good day"},
        build_folder=tmp_path_factory.mktemp("build"),
        stack_name="dogs",
    )
    with run_cloud(config) as cloud:
        yield cloud


def wait_for(find: Callable[[], Any], seconds: float = 60) -> Any:
    """Return what `find` returns as soon as that is something."""
    until = time.monotonic() + seconds
    while (value := find()) is None:
        assert time.monotonic() < until
        time.sleep(0.2)
    return value


def test_an_api_keeps_dogs_in_its_table(dogs: Cloud) -> None:
    url = f"{dogs.api_url}/dogs/Bello"
    assert httpx.get(url, timeout=60).status_code == 404
    assert httpx.put(url, json={"breed": "Beagle"}, timeout=60).status_code == 200
    expected = {"greeting": "Good day", "dog": {"name": "Bello", "breed": "Beagle"}}
    outputs = dogs.stack.outputs
    host = {"host": f"{outputs['ApiId']}.execute-api.us-east-1.amazonaws.com"}
    for answer in (
        httpx.get(url, timeout=60),
        httpx.get(f"{outputs['Api']}Bello", timeout=60),
        httpx.get(f"{dogs.url}/Prod/dogs/Bello", headers=host, timeout=60),
    ):
        assert answer.json() == expected
    item = client("dynamodb", dogs.url).get_item(
        TableName=outputs["Table"], Key={"name": {"S": "Bello"}}
    )["Item"]
    assert item["breed"] == {"S": "Beagle"}


def test_a_state_machine_is_started_by_hand_by_an_event_and_by_its_schedule(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    config = CloudConfig(
        template=HERE / "sums" / "template.yaml",
        build_folder=tmp_path_factory.mktemp("build"),
        stack_name="sums",
    )
    with run_cloud(config) as cloud:
        states, s3 = client("stepfunctions", cloud.url), client("s3", cloud.url)
        machine, bucket = cloud.stack.outputs["Machine"], cloud.stack.outputs["Bucket"]

        def written() -> dict[str, str]:
            keys = [each["Key"] for each in s3.list_objects_v2(Bucket=bucket).get("Contents", ())]
            bodies = {key: s3.get_object(Bucket=bucket, Key=key)["Body"] for key in keys}
            return {key: body.read().decode() for key, body in bodies.items()}

        def ended(arn: str) -> Any:
            execution = states.describe_execution(executionArn=arn)
            return None if execution["status"] == "RUNNING" else execution

        given = json.dumps({"numbers": [1, 2, 3]})
        started = states.start_execution(stateMachineArn=machine, name="mine", input=given)
        output = wait_for(lambda: ended(started["executionArn"]))["output"]
        assert json.loads(output) == [1, 4, 9]
        assert wait_for(lambda: written().get("mine.txt")) == "14"
        started = states.start_execution(stateMachineArn=machine, input='{"numbers": []}')
        failed = wait_for(lambda: ended(started["executionArn"]))
        assert (failed["status"], failed["error"]) == ("FAILED", "Sums.Empty")
        event = {"Source": "shop", "DetailType": "asked"}
        own = [{**event, "Detail": '{"numbers": [5, 6]}'}, {**event, "Detail": "[]"}]
        put = client("events", cloud.url).put_events(Entries=own)
        assert [each.get("ErrorCode") for each in put["Entries"]] == [None, "MalformedDetail"]
        wait_for(lambda: True if "61" in written().values() else None)
        cloud.clock.skip(86_400)
        wait_for(lambda: True if "25" in written().values() else None)


def packed(code: Path) -> bytes:
    """Return a model.tar.gz with the weights (2, 3), bias 1, and a folder of code."""
    weights = io.BytesIO()
    torch.save({"weight": torch.tensor([[2.0, 3.0]]), "bias": torch.tensor([1.0])}, weights)
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        member = tarfile.TarInfo("model.pth")
        member.size = len(weights.getvalue())
        archive.addfile(member, io.BytesIO(weights.getvalue()))
        archive.add(code / "inference.py", "code/inference.py")
    return out.getvalue()


def test_an_endpoint_serves_with_the_packages_own_code(dogs: Cloud) -> None:
    s3 = client("s3", dogs.url)
    s3.create_bucket(Bucket="models")
    s3.put_object(Bucket="models", Key="scorer/model.tar.gz", Body=packed(HERE / "scorer" / "code"))
    stacks = client("cloudformation", dogs.url)
    stacks.create_stack(
        StackName="scorer",
        TemplateBody=(HERE / "scorer" / "template.yaml").read_text(),
        Parameters=[
            {"ParameterKey": "ModelData", "ParameterValue": "s3://models/scorer/model.tar.gz"}
        ],
        Capabilities=["CAPABILITY_IAM"],
    )
    stacks.get_waiter("stack_create_complete").wait(StackName="scorer", WaiterConfig=SOON)
    (stack,) = stacks.describe_stacks(StackName="scorer")["Stacks"]
    (output,) = stack["Outputs"]
    runtime = client("sagemaker-runtime", dogs.url)
    asked = {"EndpointName": output["OutputValue"], "Body": b'{"rows": [[1, 1], [0, 2]]}'}
    answer = runtime.invoke_endpoint(**asked, ContentType="application/json")
    assert json.loads(answer["Body"].read()) == {"scores": [6.0, 7.0]}
    with pytest.raises(ClientError, match="rows come as application/json, not text/csv"):
        runtime.invoke_endpoint(**asked, ContentType="text/csv")
    stacks.delete_stack(StackName="scorer")
    stacks.get_waiter("stack_delete_complete").wait(StackName="scorer", WaiterConfig=SOON)
    assert client("sagemaker", dogs.url).list_endpoints()["Endpoints"] == []


def test_all_that_the_cloud_lacks_is_named_at_once(dogs: Cloud) -> None:
    function = {"Handler": "a.b", "Role": "arn:aws:iam::123456789012:role/x", "Code": {}}
    resources = {
        "Node": {
            "Type": "AWS::Lambda::Function",
            "Properties": {**function, "Runtime": "nodejs22.x"},
        },
        "Stream": {
            "Type": "AWS::Lambda::EventSourceMapping",
            "Properties": {
                "FunctionName": "x",
                "EventSourceArn": "arn:aws:kinesis:us-east-1:123456789012:stream/x",
            },
        },
        "Odd": {
            "Type": "AWS::Events::Rule",
            "Properties": {"EventPattern": {"source": [{"anything-near": "x"}]}},
        },
    }
    reason = refusal(dogs, resources)
    assert "nodejs22.x" in reason
    assert "kinesis" in reason
    assert "anything-near" in reason
    types = ("AWS::ECS::Cluster", "AWS::RDS::DBInstance", "AWS::Cognito::UserPool")
    reason = refusal(dogs, resources | {f"R{n}": {"Type": each} for n, each in enumerate(types)})
    for each in (*types, "nodejs22.x", "kinesis", "anything-near"):
        assert each in reason


def refusal(cloud: Cloud, resources: dict[str, Any]) -> str:
    """Return why a stack of these resources cannot be created."""
    stacks = client("cloudformation", cloud.url)
    body = json.dumps({"Resources": resources})
    try:
        stacks.create_change_set(
            StackName="odd", ChangeSetName="odd", ChangeSetType="CREATE", TemplateBody=body
        )
        with pytest.raises(WaiterError):
            stacks.get_waiter("change_set_create_complete").wait(
                StackName="odd", ChangeSetName="odd", WaiterConfig=SOON
            )
        planned = stacks.describe_change_set(StackName="odd", ChangeSetName="odd")
        stacks.delete_stack(StackName="odd")
        return str(planned["StatusReason"])
    except ClientError as error:
        return str(error)
