"""Read what a stack does now, by calls of AWS that change nothing."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from kennel.aws import Connect
from kennel.deployed import DeployedStack
from kennel.errors import KennelError
from kennel.planner.inputs.prices import Prices
from kennel.releases import live_release
from kennel.s3_prefix import S3Prefix
from kennel.status.cost import Cost, estimate
from kennel.status.endpoint import Endpoint, read_endpoint
from kennel.status.traffic import Traffic, read_traffic

if TYPE_CHECKING:
    from types_boto3_cloudwatch.client import CloudWatchClient
    from types_boto3_s3.client import S3Client
    from types_boto3_stepfunctions.client import SFNClient


@dataclass(frozen=True)
class Model:
    """The model that the endpoint serves.

    Attributes
    ----------
    label
        Name and version, as the API's answers have them; "" if its package has no card.
    version
        Its ARN in the Model Registry; "" if it has none.
    """

    label: str
    version: str
    package: str


@dataclass(frozen=True)
class Execution:
    """The last execution of the state machine; `cause` says why it did not succeed."""

    name: str
    status: str
    started: datetime
    ended: datetime | None
    cause: str


@dataclass(frozen=True)
class Alarm:
    """An alarm of the stack that is in ALARM; `alarm` is its section in docs/runbook.md."""

    alarm: str
    name: str
    reason: str
    since: datetime


@dataclass(frozen=True)
class Status:
    """What `kennel status` shows of a stack."""

    stack: str
    stack_status: str
    endpoint: Endpoint
    model: Model | None
    execution: Execution | None
    traffic: Traffic
    alarms: list[Alarm]
    cost: Cost


def read(
    connect: Connect, name: str, stack: DeployedStack, now: datetime, prices: Prices
) -> Status:
    """Read a stack that `find_stack` found.

    Parameters
    ----------
    now
        The offline time of an offline cloud.
    """
    endpoint = read_endpoint(connect, stack.outputs["EndpointName"])
    return Status(
        name,
        stack.status,
        endpoint,
        _model(connect, endpoint),
        _execution(connect("stepfunctions"), stack.outputs["StateMachineArn"]),
        read_traffic(connect("cloudwatch"), name, stack, now),
        _alarms(connect("cloudwatch"), stack.physical),
        estimate(endpoint, now, prices),
    )


def _model(connect: Connect, endpoint: Endpoint) -> Model | None:
    live = live_release(connect("sagemaker"), endpoint.name)
    if live is None:
        return None
    s3: S3Client = connect("s3")
    label = ""
    # It has no card, or these credentials may not read it: the package's address says which it is.
    with contextlib.suppress(ClientError, KennelError, ValueError, KeyError):
        at = S3Prefix.read(f"{live.package.rpartition('/')[0]}/")
        answer = s3.get_object(Bucket=at.bucket, Key=f"{at.prefix}card.json")
        card = json.loads(answer["Body"].read())
        label = f"{card['name']}@{card['version']}"
    return Model(label, live.version, live.package)


def _execution(states: SFNClient, machine: str) -> Execution | None:
    page = states.list_executions(stateMachineArn=machine)["executions"]  # of 100, newest first
    if not page:
        return None
    last = max(page, key=lambda each: each["startDate"])
    cause = ""
    if last["status"] not in {"RUNNING", "SUCCEEDED"}:
        described = states.describe_execution(executionArn=last["executionArn"])
        cause = described.get("cause") or described.get("error") or ""
    return Execution(last["name"], last["status"], last["startDate"], last.get("stopDate"), cause)


def _alarms(cloudwatch: CloudWatchClient, physical: Mapping[str, str]) -> list[Alarm]:
    logical = {name: logical_id for logical_id, name in physical.items()}
    pages = cloudwatch.get_paginator("describe_alarms").paginate(StateValue="ALARM")
    return [
        Alarm(
            logical[alarm["AlarmName"]],
            alarm["AlarmName"],
            alarm.get("StateReason", ""),
            alarm["StateUpdatedTimestamp"],
        )
        for page in pages
        for alarm in page["MetricAlarms"]
        if alarm["AlarmName"] in logical
    ]
