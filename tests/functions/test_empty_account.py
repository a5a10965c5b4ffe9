"""Each handler of the pipeline, called in an account of moto where nothing was released yet."""

import importlib
import json
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import boto3
import pytest
from moto import mock_aws

from common.failures import BundleBroken, PackageBroken, PipelineFailure, ReleaseRefused
from tests.functions.aws_account import BUCKET, PROJECT
from tests.functions.test_handlers import FUNCTIONS, PIPELINE, environment
from tests.functions.training import EVENT, EXECUTION, SPACE

MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:kennel"
VARIABLES = {
    "BUCKET_NAME": BUCKET,
    "PROJECT_NAME": PROJECT,
    "REPOSITORY_NAME": "kennel/serving",
    "REPOSITORY_URI": "uri",
    "ENDPOINT_NAME": "kennel",
    "MODEL_PACKAGE_GROUP": "kennel",
    "STATE_MACHINE_ARN": MACHINE,
    "CLEAN_UP_MACHINE_ARN": f"{MACHINE}-clean-up",
    "CHECK_QUOTAS": "no",  # moto has none
    "POLL_SECONDS": "0",
}
ROLE = "arn:aws:iam::123456789012:role/kennel"
Call = Callable[..., Any]


class Context:
    """What Lambda tells an invocation."""

    function_name = "kennel-Function"
    memory_limit_in_mb = 256
    invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:kennel-Function"
    aws_request_id = "1"

    def get_remaining_time_in_millis(self) -> int:
        return 900_000


def client(service: str) -> Any:
    return boto3.client(service, region_name="us-east-1")  # type: ignore[call-overload]


@pytest.fixture(scope="module")
def account() -> Iterator[None]:
    """Start an account with what the template creates and an empty bundle's search space."""
    with mock_aws():
        client("s3").create_bucket(Bucket=BUCKET)
        space = json.dumps(SPACE).encode()
        client("s3").put_object(Bucket=BUCKET, Key="code/abc/search_space.json", Body=space)
        client("ecr").create_repository(repositoryName="kennel/serving")
        client("codebuild").create_project(
            name=PROJECT,
            source={"type": "S3", "location": f"{BUCKET}/source.zip"},
            artifacts={"type": "NO_ARTIFACTS"},
            environment={
                "type": "LINUX_CONTAINER",
                "image": "aws/codebuild/standard:7.0",
                "computeType": "BUILD_GENERAL1_SMALL",
            },
            serviceRole=ROLE,
        )
        client("sagemaker").create_model_package_group(ModelPackageGroupName="kennel")
        pass_state = {"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}}
        for name in ("kennel", "kennel-clean-up"):
            client("stepfunctions").create_state_machine(
                name=name, definition=json.dumps(pass_state), roleArn=ROLE
            )
        yield


@pytest.fixture
def call(account: None, monkeypatch: pytest.MonkeyPatch) -> Call:
    """Call a handler with an event and, beside the template's, variables."""

    def call(name: str, event: dict[str, Any], **more: str) -> Any:
        logical_id = f"{name}Function"
        variables = environment(logical_id)
        variables |= {key: VARIABLES[key] for key in variables.keys() & VARIABLES.keys()} | more
        for key, value in {"AWS_REGION": "us-east-1", **variables}.items():
            monkeypatch.setenv(key, value)
        module, _, handler = FUNCTIONS[logical_id]["Handler"].rpartition(".")
        monkeypatch.delitem(sys.modules, module, raising=False)  # it reads its settings once
        return getattr(importlib.import_module(module), handler)(event, Context())

    return call


JUDGEMENT = {
    "accepted": True,
    "candidate": {"version": "arn:version"},  # registered by an earlier execution
    "evaluation": None,
}
BUNDLE = {"hash": "abc", "prefix": "code/abc/", "model_data_url": f"s3://{BUCKET}/model.tar.gz"}
OUTPUTS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "ApplyAutoscaling": ({"refresh": True}, {"unchanged": "the endpoint kennel is missing"}),
    "CleanUp": (EVENT, {"status": "done", "actions": []}),
    "Drift": ({"time": "2026-11-29T00:00:00Z"}, {"windows": 0, "drifted": 0}),
    "EnsureImage": ({**EVENT, "bundle": BUNDLE}, {"status": "building", "image": "uri:abc"}),
    "Guard": ({"time": "2026-11-29T00:00:00Z"}, {"idle_hours": None, "action": "nothing"}),
    "Preflight": ({"input": {}}, {"mode": "pretrained", "endpoint_name": "kennel"}),
    "PublishBreeds": ({}, {"config_name": None}),
    "Register": (
        {**EVENT, "judgement": JUDGEMENT, "image": "uri:abc"},
        {"package_arn": "arn:version", "status": "Approved"},
    ),
    "StartTraining": ({**EVENT, "tuned": {}}, {"job_name": EXECUTION.training_job}),
    "StartTuning": (EVENT, {"job_name": EXECUTION.tuning_job}),
}
FAILURES: dict[str, tuple[dict[str, Any], type[PipelineFailure], str]] = {
    "FindPackage": ({"release": "live", "bundle": BUNDLE}, ReleaseRefused, "kennel"),
    "Judge": ({"training": {"job_name": "j"}}, PackageBroken, "no models/j/output/model.tar.gz"),
    "PublishBundle": ({}, BundleBroken, "run `sam build`"),
}


def test_every_function_of_the_pipeline_is_called_here() -> None:
    elsewhere = {"Release", "SmokeTest", "Removal"}
    names = {logical_id.removesuffix("Function") for logical_id in PIPELINE}
    assert names == {*OUTPUTS, *FAILURES, *elsewhere}


@pytest.mark.parametrize("name", OUTPUTS)
def test_handler_gives_its_states_output(call: Call, name: str) -> None:
    event, output = OUTPUTS[name]
    assert output.items() <= call(name, event).items()


@pytest.mark.parametrize("name", FAILURES)
def test_handler_raises_what_the_state_machine_catches(call: Call, name: str) -> None:
    event, failure, words = FAILURES[name]
    with pytest.raises(failure, match=words):
        call(name, event)


def test_breeds_for_an_event_are_removed_where_nothing_is_live(call: Call) -> None:
    assert call("PublishBreeds", {"detail": {"EndpointName": "kennel"}}) == {"config_name": None}


def test_scaling_is_applied_or_removed_as_the_hosting_is(call: Call) -> None:
    assert call("ApplyAutoscaling", {})["resource_id"] == "endpoint/kennel/variant/AllTraffic"
    words = "the endpoint kennel is serverless and scales by itself"
    assert call("ApplyAutoscaling", {}, HOSTING="serverless") == {"unchanged": words}


def test_release_and_probe(call: Call) -> None:
    candidate = {
        "prefix": "packages/1/",
        "model_data_url": f"s3://{BUCKET}/packages/1/model.tar.gz",
        "smoke_breed": "Pug",
    }
    event = {**EVENT, "candidate": candidate, "image": "uri:abc", "version": "arn:version"}
    released = call("Release", event, ENDPOINT_NAME="new")
    assert released["previous_config_name"] is None
    client("s3").put_object(Bucket=BUCKET, Key="packages/1/smoke.jpg", Body=b"a jpeg")
    probed = call("SmokeTest", {"probe": True, "candidate": candidate}, ENDPOINT_NAME="new")
    assert probed == {"invoked": 10, "failed": 0}
    with pytest.raises(PipelineFailure):  # moto's endpoint answers no breeds
        call("SmokeTest", {**event, "release": released}, ENDPOINT_NAME="new")


@pytest.fixture
def cloudformation() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Serve the URL for responses of custom resources; yield it and what it received."""
    received: list[dict[str, Any]] = []

    class Url(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            # The signature of the URL covers an empty content type.
            received.append({**json.loads(body), "type": self.headers["Content-Type"]})
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    with HTTPServer(("127.0.0.1", 0), Url) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/answer", received
        server.shutdown()
        thread.join()


def endpoints(name: str) -> list[str]:
    listed = client("sagemaker").list_endpoints()["Endpoints"]
    return [each["EndpointName"] for each in listed if each["EndpointName"] == name]


def start_endpoint(name: str) -> None:
    sagemaker = client("sagemaker")
    sagemaker.create_model(
        ModelName=name, ExecutionRoleArn=ROLE, PrimaryContainer={"Image": "uri:abc"}
    )
    variant = {"VariantName": "AllTraffic", "ModelName": name, "InitialInstanceCount": 1}
    variant |= {"InstanceType": "ml.c5.large"}
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)


@pytest.mark.parametrize(
    ("request_", "status", "reason"),
    [
        ({"RequestType": "Create"}, "SUCCESS", "Nothing is left."),
        ({"RequestType": "Delete"}, "SUCCESS", "Nothing is left."),
        # A first invocation began long ago, and something was there still.
        (
            {"RequestType": "Delete", "KennelStarted": 0},
            "FAILED",
            "left after 55 minutes:; the endpoint ",
        ),
    ],
    ids=["create", "delete", "late"],
)
def test_removal_responds_to_cloudformation(
    call: Call,
    cloudformation: tuple[str, list[dict[str, Any]]],
    request_: dict[str, Any],
    status: str,
    reason: str,
) -> None:
    url, received = cloudformation
    name = f"of-{len(request_)}-{request_['RequestType'].lower()}"
    start_endpoint(name)
    more = {"StackId": "arn:stack", "RequestId": "1", "LogicalResourceId": "Removal"}
    response = call("Removal", {**request_, **more, "ResponseURL": url}, ENDPOINT_NAME=name)
    assert received == [response | {"type": ""}]
    assert response["Status"] == status
    assert response["Reason"].startswith(reason)
    assert endpoints(name) == ([name] if request_["RequestType"] == "Create" else [])


def test_removal_that_fails_says_why_at_once(
    call: Call, cloudformation: tuple[str, list[dict[str, Any]]]
) -> None:
    url, received = cloudformation
    event = {"RequestType": "Delete", "ResponseURL": url, "StackId": "arn:stack", "RequestId": "1"}
    call("Removal", event | {"LogicalResourceId": "Removal"}, PROJECT_NAME="no-project")
    (response,) = received
    assert response["Status"] == "FAILED"
    assert response["Reason"].startswith("ResourceNotFoundException: ")
