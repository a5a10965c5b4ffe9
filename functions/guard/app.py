"""GuardFunction, started by a schedule: warns of an idle endpoint, scales it in or deletes it."""

import os
from datetime import UTC, datetime
from typing import Any

import boto3

from common.aws import client_config
from common.environment import Environment
from common.log import logger
from guard.watch import Clients, GuardSettings, guard

__all__ = ["handler"]

environment = Environment(os.environ)
settings = GuardSettings(
    endpoint_name=environment.text("ENDPOINT_NAME"),
    idle_hours=environment.integer("IDLE_HOURS"),
    action=environment.one_of("IDLE_ACTION", "warn", "scale-in", "delete"),
    min_instances=environment.integer("MIN_INSTANCES"),
    topic_arn=environment.text("TOPIC_ARN"),
)
config = client_config(environment.text("AWS_REGION"))
clients = Clients(
    sagemaker=boto3.client("sagemaker", config=config),
    autoscaling=boto3.client("application-autoscaling", config=config),
    cloudwatch=boto3.client("cloudwatch", config=config),
    sns=boto3.client("sns", config=config),
)


@logger.inject_lambda_context
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Check the endpoint once, at the schedule's time or, without one, now."""
    now = datetime.fromisoformat(event["time"]) if "time" in event else datetime.now(UTC)
    return guard(settings, clients, now)
