"""Functions that queues invoke."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from kennel.cloud.awslambda.queue_poller import failed_items
from kennel.cloud.runtime.clients import client
from tests.kennel.cloud.awslambda.serving import Account, basic, zipped

#: Appends each batch to a file; reports messages of "again" as failed, and raises for "raise".
CODE = """
import json

def handler(event, context):
    bodies = [each["body"] for each in event["Records"]]
    with open({log!r}, "a") as log:
        log.write(json.dumps(event) + "\\n")
    if "raise" in bodies:
        raise ValueError("no")
    failed = [each["messageId"] for each in event["Records"] if each["body"] == "again"]
    return {{"batchItemFailures": [{{"itemIdentifier": each}} for each in failed]}}
"""


class Queue:
    """A queue, and the batches that its function got."""

    def __init__(self, account: Account, moto: str, folder: Any, name: str) -> None:
        self.sqs, self.name, self.log = client("sqs", moto), name, folder / "batches"
        self.url = self.sqs.create_queue(QueueName=name)["QueueUrl"]
        self.arn = f"arn:aws:sqs:us-east-1:123456789012:{name}"
        code = {"ZipFile": zipped({"app.py": CODE.format(log=str(self.log))})}
        account.functions.create_function(**basic(name, Code=code, Timeout=20))

    def send(self, *bodies: str) -> None:
        for body in bodies:
            self.sqs.send_message(QueueUrl=self.url, MessageBody=body)

    def batches(self) -> list[list[str]]:
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        return [[each["body"] for each in json.loads(line)["Records"]] for line in lines]

    def left(self) -> int:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        answer = self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=names)
        return sum(int(each) for each in answer["Attributes"].values())


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_messages_invoke_in_batches_and_are_deleted_when_they_are_worked_off(
    account: Account, moto: str, tmp_path: Any
) -> None:
    functions, queue = account.functions, Queue(account, moto, tmp_path, "polls-batches")
    queue.send("a", "b", "c")
    mapping = functions.create_event_source_mapping(
        EventSourceArn=queue.arn, FunctionName="polls-batches", BatchSize=2
    )
    assert mapping["ResponseMetadata"]["HTTPStatusCode"] == 202
    until(lambda: len(queue.batches()) == 2 and not queue.left())
    assert sorted(len(each) for each in queue.batches()) == [1, 2]
    record = json.loads(queue.log.read_text().splitlines()[0])["Records"][0]
    assert (record["eventSource"], record["eventSourceARN"]) == ("aws:sqs", queue.arn)
    assert record["attributes"]["ApproximateReceiveCount"] == "1"
    functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
    assert functions.get_event_source_mapping(UUID=mapping["UUID"])["State"] == "Disabled"
    time.sleep(1)  # what a look under way has received is worked off
    queue.send("d")
    time.sleep(1.5)
    assert (len(queue.batches()), queue.left()) == (2, 1)
    assert functions.delete_event_source_mapping(UUID=mapping["UUID"])["State"] == "Deleting"
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        functions.get_event_source_mapping(UUID=mapping["UUID"])


def test_what_failed_stays_in_the_queue(account: Account, moto: str, tmp_path: Any) -> None:
    queue = Queue(account, moto, tmp_path, "polls-failed")
    queue.send("a", "again", "b")
    mapping = account.functions.create_event_source_mapping(
        EventSourceArn=queue.arn,
        FunctionName="polls-failed",
        FunctionResponseTypes=["ReportBatchItemFailures"],
    )
    until(lambda: queue.left() == 1)
    queue.send("raise")
    until(lambda: ["raise"] in queue.batches())
    time.sleep(0.3)
    assert queue.left() == 2
    account.functions.delete_event_source_mapping(UUID=mapping["UUID"])


def test_what_lambda_refuses(account: Account, moto: str, tmp_path: Any) -> None:
    functions, queue = account.functions, Queue(account, moto, tmp_path, "polls-refused")
    create = functions.create_event_source_mapping
    known = {"EventSourceArn": queue.arn, "FunctionName": "polls-refused"}
    table = "arn:aws:dynamodb:us-east-1:123456789012:table/t/stream/2026"
    functions.create_function(**basic("other"))
    slow = {"EventSourceArn": queue.arn, "FunctionName": "polls-slow"}
    functions.create_function(**basic("polls-slow", Timeout=60))
    for parameters, words in (
        ({**known, "EventSourceArn": table}, "NotImplementedOffline.*dynamodb"),
        ({**known, "FilterCriteria": {"Filters": []}}, "NotImplementedOffline.*FilterCriteria"),
        ({**known, "FunctionName": "nobody"}, "Function does not exist"),
        ({**known, "EventSourceArn": f"{queue.arn}-not"}, "NonExistentQueue"),
        ({**known, "FunctionName": "other"}, "permissions to call DeleteMessage on SQS"),
        ({**known, "BatchSize": 11}, "batch window in seconds must be greater than 0"),
        (slow, "visibility timeout: 30 seconds is less than Function timeout: 60 seconds"),
    ):
        with pytest.raises(ClientError, match=words):
            create(**parameters)
    assert not functions.list_event_source_mappings()["EventSourceMappings"]
    made = create(**known, Enabled=False)
    with pytest.raises(ClientError, match=f"ResourceConflictException.*UUID {made['UUID']}"):
        create(**known)
    (listed,) = functions.list_event_source_mappings(EventSourceArn=queue.arn)[
        "EventSourceMappings"
    ]
    assert listed["FunctionArn"].endswith(":function:polls-refused")


@pytest.mark.parametrize(
    ("report", "failed"),
    [
        ("null", set()),
        ("{}", set()),
        ('{"batchItemFailures": null}', set()),
        ('{"batchItemFailures": [{"itemIdentifier": "a"}]}', {"a"}),
        ('{"batchItemFailures": [{"itemIdentifier": ""}]}', {"a", "b"}),
        ('{"batchItemFailures": [{"itemIdentifier": null}]}', {"a", "b"}),
        ('{"batchItemFailures": [{"bad": "a"}]}', {"a", "b"}),
        ('"text"', {"a", "b"}),
    ],
)
def test_a_report_that_is_not_understood_fails_the_batch(report: str, failed: set[str]) -> None:
    assert failed_items(report.encode(), {"a", "b"}) == failed
