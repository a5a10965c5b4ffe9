"""Read what a stack does now, by calls of AWS that change nothing."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from kennel.aws import Connect, find
from kennel.deployed import DeployedStack
from kennel.errors import KennelError
from kennel.planner.errors import PlanError
from kennel.planner.inputs.prices import Prices
from kennel.releases import live_release
from kennel.s3_prefix import S3Prefix

if TYPE_CHECKING:
    from types_boto3_application_autoscaling.client import ApplicationAutoScalingClient
    from types_boto3_cloudwatch.client import CloudWatchClient
    from types_boto3_s3.client import S3Client
    from types_boto3_sagemaker.client import SageMakerClient
    from types_boto3_stepfunctions.client import SFNClient

_HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Endpoint:
    """The stack's endpoint.

    Attributes
    ----------
    status
        SageMaker's, such as InService; "missing" before the first release.
    instance_type, instances
        "" and 0 of a serverless endpoint.
    minimum, maximum
        Of autoscaling; None where it is not registered.
    since
        When it was created.
    """

    name: str
    status: str = "missing"
    instance_type: str = ""
    instances: int = 0
    minimum: int | None = None
    maximum: int | None = None
    since: datetime | None = None


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
class Traffic:
    """What the API answered from `since` on, an hour; None where there was nothing to measure.

    Attributes
    ----------
    client_errors, server_errors
        Answers with a status of 400 to 499, and of 500 or more.
    throttles
        Requests that found no free execution of the classifier.
    concurrency
        Most executions of the classifier at once.
    p50_ms, p90_ms
        Of the latency of all answers.
    no_dog, confidence
        Share of photos without a dog, and mean probability of the first breed of the others.
    """

    since: datetime
    requests: int
    client_errors: int
    server_errors: int
    throttles: int
    concurrency: int | None
    p50_ms: float | None
    p90_ms: float | None
    no_dog: float | None
    confidence: float | None


@dataclass(frozen=True)
class Alarm:
    """An alarm of the stack that is in ALARM; `alarm` is its section in docs/runbook.md."""

    alarm: str
    name: str
    reason: str
    since: datetime


@dataclass(frozen=True)
class Cost:
    """An estimate of what the instances cost from `since` on; None in `usd` if there is none."""

    usd: float | None
    since: datetime | None
    basis: str


@dataclass(frozen=True)
class Status:
    """All of it."""

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
    endpoint = _endpoint(connect, stack.outputs["EndpointName"])
    return Status(
        name,
        stack.status,
        endpoint,
        _model(connect, endpoint),
        _execution(connect("stepfunctions"), stack.outputs["StateMachineArn"]),
        _traffic(connect("cloudwatch"), name, stack, now),
        _alarms(connect("cloudwatch"), stack.physical),
        estimate(endpoint, now, prices),
    )


def _endpoint(connect: Connect, name: str) -> Endpoint:
    sagemaker: SageMakerClient = connect("sagemaker")
    described = find(partial(sagemaker.describe_endpoint, EndpointName=name), "ValidationException")
    if described is None:
        return Endpoint(name)
    variants = described.get("ProductionVariants", [])
    config = find(
        partial(
            sagemaker.describe_endpoint_config, EndpointConfigName=described["EndpointConfigName"]
        ),
        "ValidationException",
    )
    types = [each.get("InstanceType", "") for each in (config or {}).get("ProductionVariants", [])]
    scaling: ApplicationAutoScalingClient = connect("application-autoscaling")
    targets = scaling.describe_scalable_targets(
        ServiceNamespace="sagemaker",
        ResourceIds=[f"endpoint/{name}/variant/{each['VariantName']}" for each in variants],
        ScalableDimension="sagemaker:variant:DesiredInstanceCount",
    )["ScalableTargets"]
    return Endpoint(
        name,
        described["EndpointStatus"],
        next(iter(types), ""),
        sum(each.get("CurrentInstanceCount", 0) for each in variants),
        targets[0]["MinCapacity"] if targets else None,
        targets[0]["MaxCapacity"] if targets else None,
        described["CreationTime"],
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


def _traffic(
    cloudwatch: CloudWatchClient, name: str, stack: DeployedStack, now: datetime
) -> Traffic:
    since = (now - _HOUR).replace(second=0, microsecond=0) + timedelta(minutes=1)
    api, answers = {"ApiName": name}, {"Endpoint": stack.outputs["EndpointName"]}
    function = {"FunctionName": stack.physical.get("ClassifyFunction", "")}
    wanted: dict[str, tuple[str, str, dict[str, str], str]] = {
        "requests": ("AWS/ApiGateway", "Count", api, "Sum"),
        "client_errors": ("AWS/ApiGateway", "4XXError", api, "Sum"),
        "server_errors": ("AWS/ApiGateway", "5XXError", api, "Sum"),
        "p50_ms": ("AWS/ApiGateway", "Latency", api, "p50"),
        "p90_ms": ("AWS/ApiGateway", "Latency", api, "p90"),
        "throttles": ("AWS/Lambda", "Throttles", function, "Sum"),
        "concurrency": ("AWS/Lambda", "ConcurrentExecutions", function, "Maximum"),
        "no_dog": ("Kennel", "NotADog", answers, "Average"),
        "confidence": ("Kennel", "Confidence", answers, "Average"),
    }
    queries: Any = [
        {
            "Id": each,
            "MetricStat": {
                "Metric": {
                    "Namespace": namespace,
                    "MetricName": metric,
                    "Dimensions": [{"Name": key, "Value": value} for key, value in of.items()],
                },
                "Period": int(_HOUR.total_seconds()),
                "Stat": statistic,
            },
        }
        for each, (namespace, metric, of, statistic) in wanted.items()
    ]
    data = cloudwatch.get_metric_data(MetricDataQueries=queries, StartTime=since, EndTime=now)
    values = {each["Id"]: each["Values"] for each in data["MetricDataResults"]}

    def measured(what: str) -> float | None:
        return values[what][0] if values.get(what) else None

    def count(what: str) -> int:
        return round(sum(values.get(what, [])))

    most = measured("concurrency")
    return Traffic(
        since,
        *(count(each) for each in ("requests", "client_errors", "server_errors", "throttles")),
        None if most is None else round(most),
        *(measured(each) for each in ("p50_ms", "p90_ms", "no_dog", "confidence")),
    )


def _alarms(cloudwatch: CloudWatchClient, physical: Mapping[str, str]) -> list[Alarm]:
    logical = {name: logical_id for logical_id, name in physical.items()}
    pages = cloudwatch.get_paginator("describe_alarms").paginate(StateValue="ALARM")
    return [
        Alarm(
            logical[each["AlarmName"]],
            each["AlarmName"],
            each.get("StateReason", ""),
            each["StateUpdatedTimestamp"],
        )
        for page in pages
        for each in page["MetricAlarms"]
        if each["AlarmName"] in logical
    ]


def estimate(endpoint: Endpoint, now: datetime, prices: Prices) -> Cost:
    """Estimate what the instances have cost this month, as if there had always been as many.

    AWS bills by the calendar month (UTC); an endpoint that is younger costs since it was created.
    """
    if endpoint.since is None:
        return Cost(0.0, None, "there is no endpoint")
    month = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    since = max(endpoint.since.astimezone(now.tzinfo), month)
    if not endpoint.instance_type:
        return Cost(None, since, "a serverless endpoint costs by the call: see `kennel plan`")
    try:
        usd = prices.instance_hour(endpoint.instance_type)
    except PlanError as error:
        return Cost(None, since, str(error))
    hours = max((now - since) / _HOUR, 0.0)
    basis = (
        f"{endpoint.instances} x {endpoint.instance_type} for {hours:,.1f} h at {usd:.3f} USD "
        f"(us-east-1, {prices.date}); without instances that came and went, requests and storage"
    )
    return Cost(endpoint.instances * hours * usd, since, basis)
