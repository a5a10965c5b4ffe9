"""Compare the live model's answers, in windows of 300, with the baseline in its package.

The classifier's log has each answer. The time up to which the log has been read, and the answers
that fill no window yet, are stored in the bucket. A message is published when a fact drifts that
had not in the window before, so that a lasting drift is reported once.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from common.aws import error_code
from common.live import live_config, package_of
from common.s3 import MISSING
from drift.compare import WINDOW, Answer, Baseline, Drift, drifts

if TYPE_CHECKING:
    from types_boto3_logs.client import CloudWatchLogsClient
    from types_boto3_s3.client import S3Client
    from types_boto3_sagemaker.client import SageMakerClient
    from types_boto3_sns.client import SNSClient

__all__ = ["CHECK_EVERY_MINUTES", "KEY", "Clients", "DriftSettings", "watch"]

CHECK_EVERY_MINUTES = 10  # the schedule in template.yaml
KEY = "live/drift.json"
_LATE_MS = 60_000  # a line may come so late
_MAX_PAGES = 100  # of a check, some 100,000 answers; what is beyond is not compared
_ANSWERS = '{ $.message = "classified" }'


@dataclass(frozen=True, slots=True)
class DriftSettings:
    """The environment of DriftFunction."""

    endpoint_name: str  # ENDPOINT_NAME
    bucket: str  # BUCKET_NAME
    log_group: str  # LOG_GROUP, the classifier's
    topic_arn: str  # TOPIC_ARN


@dataclass(frozen=True, slots=True)
class Clients:
    """boto3's clients; DriftRole in the template allows the calls of each."""

    sagemaker: SageMakerClient
    s3: S3Client
    logs: CloudWatchLogsClient
    sns: SNSClient


def watch(
    settings: DriftSettings, clients: Clients, now_ms: int, warn: Callable[[str], None]
) -> list[list[Drift]]:
    """Compare the answers since the last check.

    Parameters
    ----------
    now_ms
        Milliseconds since 1970.
    warn
        Called with a message, once for each package that has no baseline.

    Returns
    -------
    list of list of Drift
        The facts that have drifted, of each window that is full now.

    Raises
    ------
    LiveModelUnusable, BadBaseline
        The live model's package cannot be found, or its baseline is damaged.
    """
    config = live_config(clients.sagemaker, settings.endpoint_name)
    if config is None:
        return []
    package = package_of(clients.sagemaker, config, settings.bucket)
    card = _read(clients.s3, settings.bucket, f"{package.rpartition('/')[0]}/card.json")
    baseline = Baseline.of_card(card.get("drift"))
    state = _read(clients.s3, settings.bucket, KEY)
    if state.get("package") != package:
        begin = now_ms - CHECK_EVERY_MINUTES * 60_000
        state = {"package": package, "until": begin, "answers": [], "drifted": []}
        if baseline is None:
            warn(f"Drift is not watched: {package} has no baseline; train it again to give it one.")
            _write(clients.s3, settings.bucket, state)
    if baseline is None:
        return []
    end, label = now_ms - _LATE_MS, f"{card['name']}@{card['version']}"
    answers = [Answer(*each) for each in state["answers"]]
    answers += _answers(clients.logs, settings.log_group, state["until"] + 1, end, label)
    full = len(answers) // WINDOW * WINDOW
    windows = []
    for start in range(0, full, WINDOW):
        drifted = drifts(baseline, answers[start : start + WINDOW])
        facts = [drift.fact for drift in drifted]
        if set(facts) - set(state["drifted"]):
            _publish(clients.sns, settings, label, drifted)
        state["drifted"] = facts
        windows.append(drifted)
    state |= {"until": max(end, state["until"]), "answers": answers[full:]}
    _write(clients.s3, settings.bucket, state)
    return windows


def _answers(
    logs: CloudWatchLogsClient, group: str, start: int, end: int, label: str
) -> Iterator[Answer]:
    """Yield the answers of a model between two times, in milliseconds, as they were logged."""
    if end < start:
        return
    pages = logs.get_paginator("filter_log_events").paginate(
        logGroupName=group, startTime=start, endTime=end, filterPattern=_ANSWERS
    )
    for page in islice(pages, _MAX_PAGES):
        for event in page["events"]:
            line = json.loads(event["message"])
            if line.get("model") == label and "breed" in line:
                [confidence] = line.get("Confidence", [0.0])
                yield Answer(line["breed"], confidence)


def _publish(sns: SNSClient, settings: DriftSettings, label: str, drifted: list[Drift]) -> None:
    reasons = "".join(
        f"\n- {drift.fact}: {drift.change} (PSI {drift.psi:.2f}, p = {drift.p:.1g})"
        for drift in drifted
    )
    sns.publish(
        TopicArn=settings.topic_arn,
        Subject=f"Kennel: the answers of {settings.endpoint_name} have drifted",
        Message=f"The last {WINDOW} answers of {label} differ from those to its valid photos:"
        f"{reasons}\nLook at what is sent now; if it is right, train with photos like it.",
    )


def _read(s3: S3Client, bucket: str, key: str) -> dict[str, Any]:
    """Read a JSON object; empty if there is none."""
    try:
        body = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    except ClientError as error:
        if error_code(error) not in MISSING:
            raise
        return {}
    values: dict[str, Any] = json.loads(body)
    return values


def _write(s3: S3Client, bucket: str, state: dict[str, Any]) -> None:
    body = json.dumps(state).encode()
    s3.put_object(Bucket=bucket, Key=KEY, Body=body, ContentType="application/json")
