"""moto's data is the same after its process was killed: objects, executions and the rest."""

import asyncio
import contextlib
import functools
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from botocore.exceptions import BotoCoreError, ClientError
from moto.logs.models import logs_backends

from kennel.cloud.cloudformation.deployed import DeployedResources
from kennel.cloud.cloudformation.template import Resource, Stack
from kennel.cloud.eventbridge.events import Events
from kennel.cloud.eventbridge.targets import EventTargets
from kennel.cloud.moto_backend.persistence import PersistentApp
from kennel.cloud.runtime.clients import client
from kennel.cloud.runtime.clock import Clock
from kennel.cloud.runtime.processes import free_ports
from kennel.cloud.state import INTERRUPTED, open_state
from kennel.paths import ROOT

BUCKET = "kept-bucket"
PART = 5 * 2**20  # the least that S3 takes for a part that is not the last
MANIFEST = {
    "schemaVersion": 2,
    "mediaType": "application/vnd.oci.image.manifest.v1+json",
    "config": {"digest": "sha256:0"},
}
TAGS = b"<Tagging><TagSet><Tag><Key>k</Key><Value>v</Value></Tag></TagSet></Tagging>"
ROLE = "arn:aws:iam::123456789012:role/tried"
WAIT_SECONDS = 60.0


@dataclass(frozen=True)
class Moto:
    """A running moto."""

    url: str
    process: "subprocess.Popen[bytes]"

    @functools.cache  # noqa: B019 - a client takes longer to make than most calls
    def __call__(self, service: str) -> Any:
        return client(service, self.url)


@contextlib.contextmanager
def started(folder: Path) -> Iterator[Moto]:
    """Run moto with the state of a folder; it is killed at the end."""
    (port,) = free_ports(1)
    command = [sys.executable, "-m", "kennel.cloud.moto_backend.app", str(port)]
    env = {**os.environ, "PYTHONPATH": str(ROOT), "MOTO_PORT": str(port)}
    with open_state(folder) as state, (folder / "moto.log").open("ab") as log:
        process = subprocess.Popen([*command, str(state.moto)], env=env, stdout=log, stderr=log)
        moto = Moto(f"http://127.0.0.1:{port}", process)
        try:
            wait_until(lambda: process.poll() is not None or is_up(moto))
            yield moto
        finally:
            process.kill()
            process.wait()
            state.services.close()


def is_up(moto: Moto) -> bool:
    with contextlib.suppress(httpx.TransportError):
        httpx.get(moto.url)
        return True
    return False


def wait_until(true: Callable[[], object]) -> None:
    latest = time.monotonic() + WAIT_SECONDS
    while not true():
        assert time.monotonic() < latest
        time.sleep(0.05)


def fill_bucket(s3: Any) -> None:
    """Put objects with everything that an object can have."""
    s3.create_bucket(Bucket=BUCKET)
    s3.put_object(Bucket=BUCKET, Key="before versioning", Body=b"0")
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    s3.put_bucket_tagging(Bucket=BUCKET, Tagging={"TagSet": [{"Key": "team", "Value": "dogs"}]})
    s3.put_bucket_lifecycle_configuration(
        Bucket=BUCKET,
        LifecycleConfiguration={
            "Rules": [
                {
                    "ID": "old",
                    "Status": "Enabled",
                    "Filter": {"Prefix": ""},
                    "NoncurrentVersionExpiration": {"NoncurrentDays": 30},
                }
            ]
        },
    )
    s3.put_bucket_encryption(
        Bucket=BUCKET,
        ServerSideEncryptionConfiguration={
            "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
        },
    )
    s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps({"Statement": []}))
    for number, algorithm in enumerate(("SHA256", "SHA1", "CRC32", "CRC32C", "CRC64NVME")):
        with contextlib.suppress(Exception):  # botocore computes some only with awscrt
            s3.put_object(
                Bucket=BUCKET,
                Key=f"sums/{algorithm}",
                Body=bytes([number]) * 100,
                ChecksumAlgorithm=algorithm,
            )
    s3.put_object(
        Bucket=BUCKET,
        Key="a b/ü+%25 //é.bin",
        Body=bytes(range(256)),
        Metadata={"hash": "1", "Breed": "Pug"},
        ContentType="image/jpeg",
        ContentEncoding="gzip",
        ContentDisposition="attachment",
        ContentLanguage="de",
        CacheControl="max-age=60",
        StorageClass="STANDARD_IA",
        Tagging="a=1&b=%C3%BC",
        WebsiteRedirectLocation="/elsewhere",
    )
    for body in (b"first", b"second", b""):
        s3.put_object(Bucket=BUCKET, Key="versions", Body=body)
    s3.copy_object(Bucket=BUCKET, Key="copy", CopySource=f"{BUCKET}/versions")
    s3.put_object_acl(Bucket=BUCKET, Key="copy", ACL="public-read")
    s3.delete_object(Bucket=BUCKET, Key="versions")
    s3.put_object(Bucket=BUCKET, Key="gone/1", Body=b"x")
    s3.put_object(Bucket=BUCKET, Key="gone/2", Body=b"x")
    for version in s3.list_object_versions(Bucket=BUCKET, Prefix="gone/1")["Versions"]:
        s3.delete_object(Bucket=BUCKET, Key="gone/1", VersionId=version["VersionId"])
    s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": "gone/2"}]})
    s3.put_object(Bucket=BUCKET, Key="tagged later", Body=b"x")
    s3.put_object_tagging(
        Bucket=BUCKET, Key="tagged later", Tagging={"TagSet": [{"Key": "k", "Value": "v"}]}
    )
    upload = s3.create_multipart_upload(Bucket=BUCKET, Key="parts", Metadata={"of": "two"})
    target = {"Bucket": BUCKET, "Key": "parts", "UploadId": upload["UploadId"]}
    parts = []
    for number, body in enumerate((b"a" * PART, b"b" * 10), 1):
        etag = s3.upload_part(**target, PartNumber=number, Body=body)["ETag"]
        parts.append({"PartNumber": number, "ETag": etag})
    s3.complete_multipart_upload(**target, MultipartUpload={"Parts": parts})
    s3.create_bucket(Bucket="deleted-bucket")
    s3.delete_bucket(Bucket="deleted-bucket")


def tag_by_host(moto: Moto) -> None:
    """Put an object and tag it in the virtual-hosted style, which names the bucket in the host."""
    headers = {
        "host": f"{BUCKET}.localhost",
        "authorization": "AWS4-HMAC-SHA256 Credential=kennel-operator/20260101/us-east-1/s3/"
        "aws4_request, SignedHeaders=host, Signature=0",
    }
    for path, content in (("/by/host", b"1"), ("/by/host?tagging", TAGS)):
        assert httpx.put(moto.url + path, headers=headers, content=content).is_success
    tags = moto("s3").get_object_tagging(Bucket=BUCKET, Key="by/host")["TagSet"]
    assert tags == [{"Key": "k", "Value": "v"}]


def bucket_contents(s3: Any) -> Any:
    """Describe the bucket and every version of every object by all calls that there are."""
    listed = s3.list_object_versions(Bucket=BUCKET)
    objects = {}
    for version in listed["Versions"]:
        named = {"Bucket": BUCKET, "Key": version["Key"], "VersionId": version["VersionId"]}
        attributes = ["ETag", "Checksum", "ObjectSize", "StorageClass", "ObjectParts"]
        got = s3.get_object(**named)
        objects[version["Key"], version["VersionId"]] = {
            "head": s3.head_object(**named, ChecksumMode="ENABLED"),
            "attributes": s3.get_object_attributes(**named, ObjectAttributes=attributes),
            "tags": s3.get_object_tagging(**named),
            "body": got["Body"].read(),
        }
    parts = s3.head_object(Bucket=BUCKET, Key="parts", PartNumber=1)
    return without_requests(
        {
            "objects": objects,
            "versions": listed["Versions"],
            "markers": listed["DeleteMarkers"],
            "parts": parts["PartsCount"],
            "acl": s3.get_object_acl(Bucket=BUCKET, Key="copy")["Grants"],
            "keys": s3.list_objects_v2(Bucket=BUCKET)["Contents"],
            "buckets": s3.list_buckets()["Buckets"],
            "versioning": s3.get_bucket_versioning(Bucket=BUCKET),
            "bucket tags": s3.get_bucket_tagging(Bucket=BUCKET)["TagSet"],
            "lifecycle": s3.get_bucket_lifecycle_configuration(Bucket=BUCKET)["Rules"],
            "encryption": s3.get_bucket_encryption(Bucket=BUCKET),
            "policy": s3.get_bucket_policy(Bucket=BUCKET)["Policy"],
        }
    )


def without_requests(value: Any) -> Any:
    """Leave out what differs between two answers to the same call."""
    if isinstance(value, dict):
        return {
            key: without_requests(each) for key, each in value.items() if key != "ResponseMetadata"
        }
    return [without_requests(each) for each in value] if isinstance(value, list) else value


def fill_services(moto: Moto) -> str:
    """Write to every other service whose data are kept; return an execution's ARN."""
    moto("ecr").create_repository(repositoryName="kept/images")
    moto("ecr").put_image(
        repositoryName="kept/images", imageManifest=json.dumps(MANIFEST), imageTag="1"
    )
    queue = moto("sqs").create_queue(QueueName="mails")["QueueUrl"]
    topic = moto("sns").create_topic(Name="news")["TopicArn"]
    arn = "arn:aws:sqs:us-east-1:123456789012:mails"
    moto("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    moto("sns").publish(TopicArn=topic, Message="read me")
    moto("sns").subscribe(TopicArn=topic, Protocol="http", Endpoint="http://x/kennel/sns/f")
    moto("sqs").send_message(QueueUrl=queue, MessageBody="and me")
    moto("ssm").put_parameter(Name="/kept", Value="1", Type="String", Tags=[])
    moto("ssm").put_parameter(Name="/kept", Value="2", Type="String", Overwrite=True)
    moto("secretsmanager").create_secret(Name="kept", SecretString="s")
    logs = moto("logs")
    logs.create_log_group(logGroupName="group")
    logs.create_log_stream(logGroupName="group", logStreamName="stream")
    event = {"timestamp": int(time.time() * 1000), "message": "line"}
    logs.put_log_events(logGroupName="group", logStreamName="stream", logEvents=[event])
    moto("cloudwatch").put_metric_data(
        Namespace="kept", MetricData=[{"MetricName": "m", "Value": 3.0}]
    )
    states = moto("stepfunctions")
    create_machine(moto)
    machine = states.list_state_machines()["stateMachines"][0]["stateMachineArn"]
    quick = states.start_execution(stateMachineArn=machine, name="quick", input='{"seconds": 0}')
    wait_until(
        lambda: (
            states.describe_execution(executionArn=quick["executionArn"])["status"] == "SUCCEEDED"
        )
    )
    long = states.start_execution(stateMachineArn=machine, name="long", input='{"seconds": 900}')
    wait_until(lambda: len(history(moto, long["executionArn"])) > 1)
    return str(quick["executionArn"])


def create_machine(moto: Moto) -> None:
    waiting = {"Type": "Wait", "SecondsPath": "$.seconds", "End": True}
    definition = json.dumps({"StartAt": "Only", "States": {"Only": waiting}})
    moto("stepfunctions").create_state_machine(name="kept", definition=definition, roleArn=ROLE)


def history(moto: Moto, arn: str) -> list[Any]:
    events: list[Any] = moto("stepfunctions").get_execution_history(executionArn=arn)["events"]
    return events


def described(moto: Moto, execution: str) -> Any:
    """Describe what `fill_services` has written, but for what is received only once."""
    states = moto("stepfunctions")
    return without_requests(
        {
            "images": moto("ecr").describe_images(repositoryName="kept/images")["imageDetails"],
            "topics": moto("sns").list_topics()["Topics"],
            "queues": moto("sqs").list_queues()["QueueUrls"][0].rpartition("/")[2],
            "parameter": moto("ssm").get_parameter_history(Name="/kept")["Parameters"],
            "secret": moto("secretsmanager").get_secret_value(SecretId="kept"),
            "execution": states.describe_execution(executionArn=execution),
            "history": history(moto, execution),
        }
    )


@pytest.fixture(scope="module")
def restarted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, Moto, Any, str]]:
    """(bucket before, moto after SIGKILL, other services before, ARN of an execution)."""
    state = tmp_path_factory.mktemp("state")
    with started(state) as moto:
        fill_bucket(moto("s3"))
        tag_by_host(moto)
        execution = fill_services(moto)
        before, services = bucket_contents(moto("s3")), described(moto, execution)
    with started(state) as moto:
        create_machine(moto)
        yield before, moto, services, execution


def test_buckets_and_objects_are_what_they_were(restarted: tuple[Any, Moto, Any, str]) -> None:
    before, moto, _, _ = restarted
    after = bucket_contents(moto("s3"))
    assert after["objects"].keys() == before["objects"].keys()
    for name, each in before["objects"].items():
        assert after["objects"][name] == each
    assert after == before
    head = before["objects"].items()
    sums = {key: each["head"].get("ChecksumSHA256") for (key, _), each in head}
    assert sums["sums/SHA256"]
    assert before["parts"] == 2


def test_other_services_are_what_they_were(restarted: tuple[Any, Moto, Any, str]) -> None:
    _, moto, before, execution = restarted
    assert described(moto, execution) == before
    queue = moto("sqs").list_queues()["QueueUrls"][0]
    messages = moto("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]
    assert ["read me" in each["Body"] or each["Body"] for each in messages] == [True, "and me"]
    (subscription,) = moto("sns").list_subscriptions()["Subscriptions"]
    assert subscription["Protocol"] == "sqs"  # a function's has the address of an earlier run


def test_other_services_go_on(restarted: tuple[Any, Moto, Any, str]) -> None:
    moto = restarted[1]
    queue = moto("sqs").list_queues()["QueueUrls"][0]
    (topic,) = moto("sns").list_topics()["Topics"]
    moto("sns").publish(TopicArn=topic["TopicArn"], Message="new")
    moto("sqs").send_message(QueueUrl=queue, MessageBody="newer")
    bodies: list[str] = []
    while len(bodies) < 2:
        received = moto("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10)
        bodies += [each["Body"] for each in received.get("Messages", [])]
    assert ["new" in bodies[0], bodies[1]] == [True, "newer"]
    repository = {"repositoryName": "kept/images"}
    moto("ecr").put_image(**repository, imageManifest=json.dumps(MANIFEST), imageTag="2")
    (image,) = moto("ecr").describe_images(**repository)["imageDetails"]
    assert sorted(image["imageTags"]) == ["1", "2"]
    moto("ssm").put_parameter(Name="/kept", Value="3", Type="String", Overwrite=True)
    history = moto("ssm").get_parameter_history(Name="/kept")["Parameters"]
    assert [each["Version"] for each in history] == [1, 2, 3]
    moto("secretsmanager").put_secret_value(SecretId="kept", SecretString="t")
    assert moto("secretsmanager").get_secret_value(SecretId="kept")["SecretString"] == "t"


def test_an_execution_that_ran_is_aborted_with_its_reason(
    restarted: tuple[Any, Moto, Any, str],
) -> None:
    _, moto, _, quick = restarted
    arn = quick.replace(":quick", ":long")
    aborted = moto("stepfunctions").describe_execution(executionArn=arn)
    assert (aborted["status"], aborted["error"]) == ("ABORTED", INTERRUPTED)
    assert aborted["stopDate"] > aborted["startDate"]
    events = history(moto, arn)
    assert [each["type"] for each in events] == [
        *("ExecutionStarted", "WaitStateEntered", "ExecutionAborted"),
    ]
    assert [each["id"] for each in events] == [1, 2, 3]


def test_an_interrupted_execution_that_a_rule_started_is_started_again(
    restarted: tuple[Any, Moto, Any, str],
) -> None:
    moto = restarted[1]
    arn = moto("stepfunctions").list_state_machines()["stateMachines"][0]["stateMachineArn"]
    target = {"Id": "one", "Arn": arn, "RoleArn": ROLE}
    pattern = {"EventPattern": {"source": ["none"]}, "Targets": [target]}
    trust = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}}
    policy = {"Statement": [{**trust, "Action": "sts:AssumeRole"}]}
    role = Resource("Role", "AWS::IAM::Role", "tried", ROLE, {"AssumeRolePolicyDocument": policy})
    stack = Stack(
        "tried",
        {
            "Role": role,
            "Rule": Resource("Rule", "AWS::Events::Rule", "rule", "rule", pattern),
            "Machine": Resource("Machine", "AWS::StepFunctions::StateMachine", "kept", arn, {}),
        },
        {},
    )

    async def watch() -> None:
        targets = EventTargets(
            lambda arn, payload: None,
            moto,
            lambda service, role: moto(service),
            lambda service, arn: True,
        )
        watching = asyncio.ensure_future(
            Events(DeployedResources.of_stack(stack), targets, moto, Clock()).watch()
        )
        async with asyncio.timeout(WAIT_SECONDS):
            while len(running()) < 1:
                await asyncio.sleep(0.1)
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)

    def running() -> list[Any]:
        states = moto("stepfunctions")
        listed = states.list_executions(stateMachineArn=arn, statusFilter="RUNNING")["executions"]
        return [states.describe_execution(executionArn=each["executionArn"]) for each in listed]

    asyncio.run(watch())
    assert [json.loads(each["input"]) for each in running()] == [{"seconds": 900}]


def test_every_object_that_was_acknowledged_survives_sigkill(tmp_path: Path) -> None:
    acknowledged: dict[str, bytes | None] = {}  # None for a deleted one

    def write(moto: Moto, worker: int) -> None:
        s3 = moto("s3")
        for number in range(10_000):
            key = f"{worker}/{number % 7}"
            body = f"{number} ".encode() * (number % 5) * 50_000
            acknowledged.pop(key, None)  # until the answer it may be either
            try:
                if number % 10 == 9:
                    s3.delete_object(Bucket=BUCKET, Key=key)
                    acknowledged[key] = None
                else:
                    s3.put_object(Bucket=BUCKET, Key=key, Body=body)
                    acknowledged[key] = body
            except (BotoCoreError, ClientError):
                return

    with started(tmp_path) as moto:
        moto("s3").create_bucket(Bucket=BUCKET)
        with ThreadPoolExecutor(4) as pool:
            writers = [pool.submit(write, moto, worker) for worker in range(4)]
            wait_until(lambda: len(acknowledged) > 20)
            moto.process.kill()
            for each in writers:
                each.result()
    with started(tmp_path) as moto:
        s3 = moto("s3")
        listed = s3.list_objects_v2(Bucket=BUCKET)["Contents"]
        bodies = {e["Key"]: s3.get_object(Bucket=BUCKET, Key=e["Key"])["Body"] for e in listed}
        assert {key: bodies[key].read() if key in bodies else None for key in acknowledged} == (
            acknowledged
        )


def test_logs_metrics_and_tables_are_stored_at_the_end(tmp_path: Path) -> None:
    key = {"k": {"S": "1"}}
    with started(tmp_path) as moto:
        fill_services(moto)
        moto("dynamodb").create_table(
            TableName="kept",
            KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        moto("dynamodb").put_item(TableName="kept", Item=key)
        moto.process.terminate()
        assert moto.process.wait(WAIT_SECONDS) == 0
    with started(tmp_path) as moto:
        logs = moto("logs")
        event = {"timestamp": int(time.time() * 1000), "message": "next"}
        logs.put_log_events(logGroupName="group", logStreamName="stream", logEvents=[event])
        events = logs.filter_log_events(logGroupName="group")["events"]
        assert [each["message"] for each in events] == ["line", "next"]
        cloudwatch = moto("cloudwatch")
        cloudwatch.put_metric_data(Namespace="kept", MetricData=[{"MetricName": "n", "Value": 1}])
        metrics = cloudwatch.list_metrics(Namespace="kept")["Metrics"]
        assert sorted(each["MetricName"] for each in metrics) == ["m", "n"]
        assert moto("dynamodb").get_item(TableName="kept", Key=key)["Item"] == key
        moto("dynamodb").put_item(TableName="kept", Item={"k": {"S": "2"}})
        assert moto("dynamodb").scan(TableName="kept")["Count"] == 2


def test_failed_deferred_storing_is_reported_as_a_problem(tmp_path: Path) -> None:
    backends: Any = logs_backends
    groups = backends["123456789012"]["eu-north-1"].groups  # a region of no other test
    app = PersistentApp(None, tmp_path / "moto.sqlite")
    groups["broken"] = iter(lambda: None, None)  # no such object can be stored
    try:
        app.close()
    finally:
        del groups["broken"]
    assert "logs and metrics are not stored: " in app.problem
