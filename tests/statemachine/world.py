"""moto's interpreter, the functions' own code, and an account in memory behind both.

The interpreter runs the very definition; what it invokes is each function's
logic in this process, over `tests.functions.account`. So what a case proves is the definition and
the functions together; SageMaker itself is imitated (tests/kennel/cloud runs the offline cloud's).
"""

import hashlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote

import boto3
import pytest
from botocore.exceptions import ClientError

from apply_autoscaling.policy import apply
from clean_up.clients import Clients
from clean_up.event import executions_of
from clean_up.way_back import Settings as CleanUpSettings
from clean_up.way_back import clean_up
from common.execution import Execution
from common.images import ServingImage
from common.training import Job, read_search_space
from ensure_image.build import Settings as ImageSettings
from ensure_image.build import ensure_image
from judge.parts import publish_parts
from judge.verdict import Bar, judge
from preflight.checks import check
from publish_bundle.bundle import Bundle, publish
from register.package import register
from release.order import Order
from release.rollout import release
from smoke_test.probe import probe
from smoke_test.smoke import smoke_test
from start_training.training import start_training
from start_tuning.tuning import start_tuning
from tests.functions.account import BUCKET, ENDPOINT, PROJECT, Account
from tests.functions.package import evaluation, package
from tests.functions.preflight.test_checks import GOOD, SCALING, Quotas
from tests.functions.release.test_rollout import SETTINGS as RELEASE
from tests.functions.training import SETTINGS as TRAINING
from tests.functions.training import source
from tests.machine import definition
from tests.stack import ROOT

Json = dict[str, Any]
RIGHT = {
    "model": "kennel@2",
    "is_dog": True,
    "breeds": [{"breed": "Bull Mastiff", "probability": 0.81}],
}
WRONG = {**RIGHT, "breeds": [{"breed": "Pug", "probability": 0.6}]}
LONGEST_S = 120  # for one execution on a machine that does other things too


class World:
    """An account, a bundle, and the functions of the template over them."""

    def __init__(self, bundle: Path) -> None:
        self.account = Account(answer=RIGHT, polls=1)
        self.account.builds.images.add(Bundle.load(bundle).hash)
        self.result = evaluation()  # what the next training says of its candidate
        self.settings = GOOD
        self.account.on_start = self._trained
        self.told: list[Json] = []
        #: By the name of a state's call: what it answers instead, once each.
        self.instead: dict[str, list[Any]] = {}
        #: Held back after it was done, until `let_go`: an execution can be aborted in it.
        self.hold = ""
        self.held = threading.Event()
        self.let_go = threading.Event()
        self.calls: list[str] = []
        self._bundle = bundle

    def photos(self) -> None:
        """Upload some."""
        for split in ("train", "valid", "test"):
            for breed in ("beagle", "boxer"):
                self.account.objects[f"data/{split}/{breed}/1.jpg"] = b""

    def release(self) -> None:
        """Have a first release live, by the functions alone: no execution, so it is quick."""
        bundle = self.invoke("PublishBundle", {})
        execution = {"Id": "arn:aws:states:us-east-1:123456789012:execution:kennel:first"}
        event = {"execution": execution, "candidate": bundle, "image": "uri:0"}
        released = self.invoke("Release", event)
        self.account.endpoints.settle()
        self.invoke("SmokeTest", {"candidate": bundle, "release": released})
        self.invoke("ApplyAutoscaling", {})

    def _trained(self, job: str) -> None:
        key = f"models/{job}/output/model.tar.gz"
        if "-tune" not in job:
            self.account.objects[key] = package(self.result)

    def invoke(self, name: str, event: Json) -> Json:
        """Run a function's logic, as its app.py does."""
        account = self.account
        execution = Execution.from_context(event.get("execution", {"Id": ""}))
        sagemaker, autoscaling, s3 = account.sagemaker, account.autoscaling, account.s3
        match name:
            case "Preflight":
                return check(event["input"], self.settings, s3, Quotas())
            case "PublishBundle":
                return dict(publish(Bundle.load(self._bundle), BUCKET, s3))
            case "EnsureImage":
                image = ImageSettings(ServingImage("", "uri"), "kennel/serving", PROJECT, BUCKET)
                return ensure_image(
                    execution, event["bundle"], image, account.ecr, account.codebuild
                )
            case "StartTuning" | "StartTraining":
                space = read_search_space(s3, BUCKET, event["bundle"]["prefix"])
                job = Job.from_event(event)
                if name == "StartTuning":
                    tune = event["checked"]["tune"]
                    return start_tuning(job, tune, space, TRAINING, sagemaker)
                return start_training(job, event["tuned"], space, TRAINING, sagemaker)
            case "Judge":
                parts = publish_parts(s3, BUCKET, event["training"]["job_name"])
                verdict = judge(parts.evaluation, Bar(0.7, 0.02))
                return {**verdict, "candidate": parts.candidate(BUCKET)}
            case "Register":
                return register(execution, event["judgement"], event["image"], ENDPOINT, sagemaker)
            case "Release":
                return release(Order.from_event(event), RELEASE, sagemaker, autoscaling, s3)
            case "SmokeTest" if event.get("probe"):
                return probe(event, ENDPOINT, BUCKET, runtime=account.runtime, s3=s3)
            case "SmokeTest":
                clients = {"sagemaker": sagemaker, "runtime": account.runtime, "s3": s3}
                return smoke_test(event, ENDPOINT, BUCKET, **clients)
            case "ApplyAutoscaling":
                return apply(ENDPOINT, SCALING, autoscaling)
            case "CleanUp":
                return self._clean_up(execution)
        raise AssertionError(f"the machine invokes {name}, which is no function")

    def _clean_up(self, execution: Execution) -> Json:
        account = self.account
        clients = Clients(account.sagemaker, account.autoscaling, account.codebuild, account.s3)
        return clean_up(execution, CleanUpSettings(ENDPOINT, BUCKET, PROJECT), clients)

    def rule(self, done: Json) -> None:
        """Do what the rule's CleanUpFunction does with an execution that has ended badly."""
        event = {"detail": {key: done[key] for key in ("executionArn", "status")}}
        for execution in executions_of(event):
            for _ in range(20):
                if self._clean_up(execution)["status"] == "done":
                    break
            else:
                pytest.fail("the clean-up waits for ever")

    def service(self, name: str, request: Json) -> Json:
        """Answer a call that the machine makes itself."""
        match name:
            case "DescribeEndpoint":
                return dict(self.account.sagemaker.describe_endpoint(**request))
            case "DescribeTrainingJob":
                return dict(self.account.sagemaker.describe_training_job(**request))
            case "DescribeHyperParameterTuningJob":
                found = self.account.sagemaker.describe_hyper_parameter_tuning_job(**request)
                return dict(found)
        raise AssertionError(f"the machine calls {name}, which nobody answers here")


class Services(ThreadingHTTPServer):
    """Where the interpreter's own calls arrive."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Call)
        self.world: World


class _Call(BaseHTTPRequestHandler):
    server: Services

    def do_POST(self) -> None:
        world = self.server.world
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        name, answer = self._read(world, body)
        world.calls.append(name)
        if instead := world.instead.get(name):
            answer = instead.pop(0)
        status, headers, payload = answer()
        if world.hold == name:
            world.held.set()
            world.let_go.wait(LONGEST_S)
        try:
            self.send_response(status)
            for key, value in {"x-amzn-RequestId": "1", **headers}.items():
                self.send_header(key, value)
            self.send_header("Content-Length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)
        except OSError:
            assert world.hold == name, "only an aborted execution does not wait for its answer"

    do_PUT = do_POST  # noqa: N815  # the name that http.server looks for

    def _read(self, world: World, body: bytes) -> tuple[str, Callable[[], Any]]:
        if source_key := self.headers.get("X-Amz-Copy-Source"):
            return "CopyObject", lambda: _copy(world, unquote(source_key), unquote(self.path))
        if "X-Amz-Target" in self.headers:
            name = self.headers["X-Amz-Target"].split(".")[-1]
            return name, lambda: _answer(lambda: world.service(name, json.loads(body)))
        if b"Action=Publish" in body:
            return "Publish", lambda: _told(world, parse_qs(body.decode()))
        name = unquote(self.path).split("/")[3].split(":")[-1]
        event = json.loads(body)
        called = "Probe" if event.get("probe") else name
        return called, lambda: _invoked(lambda: world.invoke(name, event))

    def log_message(self, *_args: object) -> None:
        """Stay silent."""


def _json(value: Any) -> bytes:
    def moment(item: Any) -> float:
        assert isinstance(item, datetime)
        return item.timestamp()

    return json.dumps(value, default=moment).encode()


def _answer(call: Callable[[], Json]) -> Any:
    try:
        return 200, {}, _json(call())
    except ClientError as error:
        return refused(error.response["Error"]["Code"], error.response["Error"]["Message"])()


def _invoked(call: Callable[[], Json]) -> Any:
    """Answer as Lambda does, also for a function that raised."""
    try:
        return 200, {}, _json(call())
    except Exception as error:  # whatever it was is the answer
        return raised(type(error).__name__, str(error))()


def _copy(world: World, source_key: str, path: str) -> Any:
    bucket, _, key = source_key.lstrip("/").partition("/")
    assert bucket == BUCKET
    if key not in world.account.objects:
        return 404, {}, b"<Error><Code>NoSuchKey</Code><Message>No such key.</Message></Error>"
    target = path.split("?", maxsplit=1)[0].lstrip("/").removeprefix(f"{BUCKET}/")
    world.account.objects[target] = world.account.objects[key]
    return 200, {}, b"<CopyObjectResult/>"


def _told(world: World, form: dict[str, list[str]]) -> Any:
    world.told.append({"subject": form["Subject"][0], "message": form["Message"][0]})
    answer = "<PublishResponse><PublishResult><MessageId>1</MessageId></PublishResult>"
    return 200, {}, f"{answer}</PublishResponse>".encode()


def raised(error_type: str, message: str) -> Callable[[], Any]:
    """Answer as Lambda does for a function that raised."""
    trace = {"errorMessage": message, "errorType": error_type, "requestId": "1", "stackTrace": []}
    return lambda: (200, {"X-Amz-Function-Error": "Unhandled"}, _json(trace))


def refused(code: str, message: str, status: int = 400) -> Callable[[], Any]:
    """Answer as an AWS service does that refuses a call."""
    body = _json({"__type": code, "message": message})
    return lambda: (status, {"x-amzn-ErrorType": code}, body)


class Machine:
    """The definition in moto's interpreter."""

    def __init__(self, client: Any, services: Services) -> None:
        self._client = client
        self._services = services
        self._arn = client.create_state_machine(
            name="kennel",
            definition=json.dumps(definition()),
            roleArn="arn:aws:iam::123456789012:role/kennel",
        )["stateMachineArn"]
        self._runs = 0

    def start(self, world: World, given: object = None) -> str:
        """Start an execution; give its ARN."""
        self._services.world = world
        world.calls.clear()
        self._runs += 1
        arn: str = self._client.start_execution(
            stateMachineArn=self._arn,
            name=f"run-{self._runs}",
            input=json.dumps({} if given is None else given),
        )["executionArn"]
        return arn

    def abort(self, arn: str) -> None:
        """Stop it, as a person in the console does."""
        self._client.stop_execution(executionArn=arn, error="Person", cause="No more.")

    def ended(self, arn: str) -> Json:
        """Wait for its end and describe it."""
        until = time.monotonic() + LONGEST_S
        while time.monotonic() < until:
            described: Json = self._client.describe_execution(executionArn=arn)
            if described["status"] != "RUNNING":
                return described
            time.sleep(0.05)
        pytest.fail(f"the execution did not end within {LONGEST_S} s")

    def run(self, world: World, given: object = None) -> Json:
        """Run an execution to its end; a failure has the rule look after it, as on AWS."""
        return self._looked_after(world, self.start(world, given))

    def _looked_after(self, world: World, arn: str) -> Json:
        done = self.ended(arn)
        if done["status"] != "SUCCEEDED":
            world.rule(done)
        return done

    def states(self, arn: str) -> list[str]:
        """Names of the states that it has entered."""
        pages = self._client.get_paginator("get_execution_history").paginate(executionArn=arn)
        events = [event for page in pages for event in page["events"]]
        return [
            event["stateEnteredEventDetails"]["name"]
            for event in events
            if "stateEnteredEventDetails" in event
        ]


@contextmanager
def interpreter() -> Iterator[Machine]:
    """Run moto, with its interpreter's calls sent to our services."""
    services = Services()
    threading.Thread(target=services.serve_forever, daemon=True).start()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    # The interpreter sends every task to localhost:$MOTO_PORT, wherever moto itself listens.
    moto = subprocess.Popen(
        [sys.executable, "-m", "kennel.cloud.moto_backend.app", str(port)],
        env={**os.environ, "MOTO_PORT": str(services.server_port), "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        config = b'{"stepfunctions": {"execute_state_machine": true}}'
        _post(f"http://127.0.0.1:{port}/moto-api/config", config)
        client = boto3.client(
            "stepfunctions",
            region_name="us-east-1",
            endpoint_url=f"http://127.0.0.1:{port}",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
        yield Machine(client, services)
        client.close()
    finally:
        moto.terminate()
        moto.wait(10)
        services.shutdown()
        services.server_close()


def _post(url: str, body: bytes) -> None:
    until = time.monotonic() + LONGEST_S
    while time.monotonic() < until:
        try:
            with urllib.request.urlopen(url, data=body):  # noqa: S310  # our own address
                return
        except OSError:
            time.sleep(0.1)
    pytest.fail(f"moto did not start within {LONGEST_S} s")


def small_bundle(folder: Path) -> Path:
    """Make a bundle that is one to the functions, with no model in it."""
    files = {
        "source.tar.gz": source(),
        "model.tar.gz": b"no model",
        "smoke.jpg": b"a jpeg",
        "breeds.json": b"[]",
    }
    for name, content in files.items():
        (folder / name).write_bytes(content)
    listing = {
        "hash": "0123456789abcdef0123",
        "files": {name: hashlib.sha256(content).hexdigest() for name, content in files.items()},
        "smoke": {"breed": "Bull Mastiff"},
    }
    (folder / "bundle.json").write_text(json.dumps(listing))
    return folder
