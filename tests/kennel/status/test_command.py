"""`kennel status` of offline clouds: what it shows is what was done to them."""

import json
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from kennel import running_cloud
from kennel.cloud.cloud import Cloud
from kennel.cloud.iam.identity import OPERATOR_KEY
from kennel.cloud.runtime.clients import client
from kennel.demo import samples
from tests.kennel.conftest import RunKennel

ALARM = "ExecutionsTimedOutAlarm"  # the other tests of this cloud do not look at it


@pytest.fixture(autouse=True)
def no_cloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running_cloud, "ADDRESS_FILE", tmp_path / "up.json")


def shown(kennel: RunKennel, *arguments: str, **more: Any) -> dict[str, Any]:
    result = kennel("status", *arguments, "--json", **more)
    assert result.status == 0, result.stderr
    document: dict[str, Any] = json.loads(result.stdout)
    return document


def post(cloud: Cloud, body: bytes) -> None:
    headers = {"x-api-key": cloud.api_key, "content-type": "image/jpeg"}
    httpx.post(f"{cloud.api_url}/classify", content=body, headers=headers, timeout=60)


def test_a_running_cloud_is_shown_as_it_is(cloud: Cloud, kennel: RunKennel) -> None:
    cloudwatch, alarm = client("cloudwatch", cloud.url), cloud.stack.resources[ALARM].name
    with running_cloud.address_file(cloud):
        cloud.clock.skip(3660)  # what other tests have posted is no longer of the last hour
        assert shown(kennel)["traffic"]["requests"] == 0
        for photo in (samples()[0].photo.read_bytes(), b"no photo"):
            post(cloud, photo)
        cloudwatch.set_alarm_state(AlarmName=alarm, StateValue="ALARM", StateReason="[tried]")
        after = shown(kennel)
        table = kennel("status")
    cloudwatch.set_alarm_state(AlarmName=alarm, StateValue="OK", StateReason="tried")

    assert (after["stack"], after["stack_status"]) == ("kennel", "CREATE_COMPLETE")
    endpoint, model, execution = after["endpoint"], after["model"], after["execution"]
    assert (endpoint["status"], endpoint["instance_type"]) == ("InService", "ml.c5.large")
    assert endpoint["instances"] >= 1
    assert (endpoint["minimum"], endpoint["maximum"]) == (1, 5)
    assert "@" in model["label"]
    assert ":model-package/kennel/" in model["version"]
    assert execution["status"] in {"SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"}
    counts = ("requests", "client_errors", "server_errors", "throttles")
    assert [after["traffic"][each] for each in counts] == [2, 1, 0, 0]
    assert 0 < after["traffic"]["p50_ms"] <= after["traffic"]["p90_ms"]
    assert [each["reason"] for each in after["alarms"] if each["alarm"] == ALARM] == ["[tried]"]
    assert after["cost"]["usd"] >= 0

    for words in ("InService", model["label"], "[tried]", ALARM, "on AWS it would be", "p90"):
        assert words in table.stdout


def test_the_answers_of_the_last_hour_are_summed_up(cloud: Cloud, kennel: RunKennel) -> None:
    post(cloud, next(each.photo for each in samples() if each.breed).read_bytes())
    deadline = time.monotonic() + 60
    with running_cloud.address_file(cloud):
        while shown(kennel)["traffic"]["confidence"] is None:  # logs are copied each second
            assert time.monotonic() < deadline
            time.sleep(0.3)
        traffic = shown(kennel)["traffic"]
    assert 0 <= traffic["no_dog"] < 1
    assert 0 < traffic["confidence"] <= 1


def test_a_stack_on_aws_is_found_by_its_name_and_the_usual_variables(
    cloud: Cloud, kennel: RunKennel
) -> None:
    variables = {
        "AWS_ENDPOINT_URL": cloud.url,
        "AWS_ACCESS_KEY_ID": OPERATOR_KEY,
        "AWS_SECRET_ACCESS_KEY": "offline",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    assert shown(kennel, "--stack-name", "kennel", env=variables)["endpoint"]["name"] == "kennel"
    result = kennel("status", "--stack-name", "none", env=variables)
    assert result.status == 1
    (line,) = result.stderr.strip().splitlines()
    assert line.startswith("kennel: there is no stack none")


def test_before_the_first_release_there_is_nothing_to_pay(
    bare_cloud: Cloud, kennel: RunKennel
) -> None:
    with running_cloud.address_file(bare_cloud):
        document = shown(kennel, "--offline", "--stack-name", "bare")
        table = kennel("status", "--offline", "--stack-name", "bare")
        missing = kennel("status")
    assert document["endpoint"]["status"] == "missing"
    assert document["model"] is None
    assert document["cost"]["usd"] == 0
    assert "until a model is released" in table.stdout
    assert missing.status == 1  # as where `kennel up --template` runs another project
    assert missing.stderr.startswith("kennel: there is no stack kennel")


def test_without_a_cloud_it_says_what_to_do(kennel: RunKennel) -> None:
    result = kennel("status")
    assert result.status == 1
    (line,) = result.stderr.strip().splitlines()
    assert line.startswith("kennel: no `kennel up` of this checkout runs: start it, or name a st")
