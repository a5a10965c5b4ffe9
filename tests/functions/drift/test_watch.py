"""Each full window of the live model's answers is compared once; a new drift is reported once."""

import json
from typing import TYPE_CHECKING, Any, cast

import pytest

from common.failures import LiveModelUnusable
from drift.compare import BadBaseline
from drift.watch import KEY, Clients, DriftSettings, watch
from tests.functions.aws_account import BUCKET, ENDPOINT, Account, Client

if TYPE_CHECKING:
    from types_boto3_logs.client import CloudWatchLogsClient
    from types_boto3_sns.client import SNSClient

TOPIC = "arn:aws:sns:us-east-1:123456789012:kennel-news"
GROUP = "kennel-ClassifyLogGroup"
MINUTE = 60_000
NOW = 1_800_000_000_000
BASELINE = {
    "no_dog": 5,
    "breeds": {"Beagle": 150, "Pug": 150},
    "confidence": [0.5 + i / 200 for i in range(99)],
}


class Logs:
    """A log group of classifiers' lines; a page holds 200 events."""

    def __init__(self) -> None:
        self.lines: list[tuple[int, dict[str, Any]]] = []

    def filter_log_events(self, **asked: Any) -> dict[str, Any]:
        assert asked["logGroupName"] == GROUP
        start = int(asked.get("nextToken", 0))
        events = [
            {"timestamp": at, "message": json.dumps(line)}
            for at, line in self.lines
            if asked["startTime"] <= at <= asked["endTime"] and line["message"] == "classified"
        ]
        page: dict[str, Any] = {"events": events[start : start + 200]}
        if len(events) > start + 200:
            page["nextToken"] = str(start + 200)
        return page


class Topic:
    def __init__(self) -> None:
        self.messages: list[str] = []

    def publish(self, **request: Any) -> dict[str, Any]:
        assert request["TopicArn"] == TOPIC
        assert len(request["Subject"]) <= 100
        self.messages.append(request["Message"])
        return {}


class World:
    """A live model, the classifier's log, and the checks of it."""

    def __init__(self, baseline: object = BASELINE) -> None:
        self.account, self.logs, self.topic = Account(), Logs(), Topic()
        self.warnings: list[str] = []
        self.release("by-hand", "1", baseline)

    def release(self, config: str, version: str, baseline: object) -> None:
        package = f"packages/{version:0>20}/"
        card = {"name": "lite", "version": version, "drift": baseline}
        self.account.objects[f"{package}card.json"] = json.dumps(card).encode()
        container = {"ModelDataUrl": f"s3://{BUCKET}/{package}model.tar.gz"}
        endpoints = self.account.endpoints
        endpoints.models[config] = {"PrimaryContainer": container}
        endpoints.configs[config] = {"ProductionVariants": [{"ModelName": config}]}
        endpoints.endpoint = {"EndpointConfigName": config, "EndpointStatus": "InService"}

    def answer(self, count: int, at: int, breeds: str = "Beagle Pug", version: str = "1") -> None:
        for i in range(count):
            breed = breeds.split()[i % len(breeds.split())]
            line: dict[str, Any] = {"message": "classified", "model": f"lite@{version}"}
            line |= {"breed": breed, "Confidence": [0.5 + (i * 37 % 100) / 200]}
            if breed == "none":
                line |= {"breed": None}
                del line["Confidence"]
            self.logs.lines.append((at, line))

    def check(self, at: int = NOW) -> list[list[str]]:
        settings = DriftSettings(ENDPOINT, BUCKET, GROUP, TOPIC)
        clients = Clients(
            self.account.sagemaker,
            self.account.s3,
            cast("CloudWatchLogsClient", Client(self.account, "logs", self.logs)),
            cast("SNSClient", Client(self.account, "sns", self.topic)),
        )
        windows = watch(settings, clients, at, self.warnings.append)
        return [[drift.fact for drift in drifted] for drifted in windows]


def test_each_answer_is_in_one_window_whatever_the_schedule() -> None:
    world = World()
    world.answer(250, NOW - 5 * MINUTE)
    assert world.check() == []  # no window is full
    world.answer(400, NOW + 4 * MINUTE)
    assert world.check(NOW + 10 * MINUTE) == [[], []]  # 650 answers
    assert world.check(NOW + 10 * MINUTE) == []  # the schedule came twice
    world.answer(250, NOW + 14 * MINUTE)
    assert world.check(NOW + 20 * MINUTE) == [[]]  # 50 were left
    assert world.topic.messages == []


def test_line_that_comes_late_is_read_by_the_next_check() -> None:
    world = World()
    world.answer(300, NOW - MINUTE // 2)
    assert world.check() == []
    assert world.check(NOW + 10 * MINUTE) == [[]]


@pytest.mark.parametrize(
    ("breeds", "fact", "change"),
    [
        ("Beagle", "breed mix", "Beagle was 50.0% of the dogs, now 100.0%"),
        ("Beagle Pug none", "no dog", "no dog in 1.6% of the answers, now in 33.3%"),
    ],
)
def test_lasting_drift_is_published_once_with_its_reason(
    breeds: str, fact: str, change: str
) -> None:
    world = World()
    world.answer(600, NOW - 5 * MINUTE, breeds)
    assert world.check() == [[fact], [fact]]
    world.answer(300, NOW + 5 * MINUTE, breeds)
    assert world.check(NOW + 10 * MINUTE) == [[fact]]
    [message] = world.topic.messages
    assert "answers of lite@1 differ" in message
    assert f"- {fact}: {change} (PSI" in message
    world.answer(300, NOW + 15 * MINUTE)
    world.answer(300, NOW + 16 * MINUTE, breeds)
    assert world.check(NOW + 20 * MINUTE) == [[], [fact]]
    assert len(world.topic.messages) == 2


def test_answers_of_another_model_and_refusals_do_not_count() -> None:
    world = World()
    world.answer(299, NOW - 5 * MINUTE)
    world.answer(300, NOW - 4 * MINUTE, "Beagle", version="0")
    world.logs.lines += [(NOW - 4 * MINUTE, {"message": "refused"})] * 300
    assert world.check() == []
    world.release("kennel-2", "2", {**BASELINE, "breeds": {"Beagle": 300}})
    world.answer(300, NOW + 5 * MINUTE, "Beagle", version="2")
    assert world.check(NOW + 10 * MINUTE) == [[]]  # by its own baseline, from its own answers


def test_package_without_a_baseline_gives_one_warning() -> None:
    world = World(baseline={})
    world.answer(600, NOW - 5 * MINUTE, "Beagle")
    assert [world.check(), world.check(NOW + 10 * MINUTE)] == [[], []]
    [warning] = world.warnings
    assert "has no baseline; train it again" in warning
    del world.account.objects[f"packages/{'1':0>20}/card.json"]  # nor a card
    assert world.check(NOW + 20 * MINUTE) == []


def test_nothing_is_written_where_nothing_is_live() -> None:
    world = World()
    world.account.endpoints.endpoint = None
    assert world.check() == []
    assert KEY not in world.account.objects


def test_damaged_baseline_and_foreign_package_fail_the_check() -> None:
    with pytest.raises(BadBaseline):
        World(baseline={"no_dog": 1}).check()
    world = World()
    world.account.endpoints.models["by-hand"] = {
        "PrimaryContainer": {"ModelDataUrl": "s3://another/model.tar.gz"}
    }
    with pytest.raises(LiveModelUnusable):
        world.check()
