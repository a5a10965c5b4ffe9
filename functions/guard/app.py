"""GuardFunction, started by a schedule: nothing runs for weeks because somebody forgot it."""

import os
from datetime import UTC, datetime
from typing import Any

from aws_lambda_powertools.logging import Logger

from common.aws import connect
from common.environment import Environment
from guard.watch import Clients, Settings, guard

__all__ = ["handler"]

environment = Environment(os.environ)
settings = Settings(
    endpoint_name=environment.text("ENDPOINT_NAME"),
    idle_hours=environment.whole("IDLE_HOURS"),
    action=environment.one_of("IDLE_ACTION", "warn", "scale-in", "delete"),
    min_instances=environment.whole("MIN_INSTANCES"),
    topic_arn=environment.text("TOPIC_ARN"),
)
region = environment.text("AWS_REGION")
clients = Clients(
    sagemaker=connect("sagemaker", region),
    autoscaling=connect("application-autoscaling", region),
    cloudwatch=connect("cloudwatch", region),
    sns=connect("sns", region),
)
logger = Logger(location=None)


@logger.inject_lambda_context
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Look once, at the time that the schedule says it is; started by a person, at this moment."""
    now = datetime.fromisoformat(event["time"]) if "time" in event else datetime.now(UTC)
    return guard(settings, clients, now)
