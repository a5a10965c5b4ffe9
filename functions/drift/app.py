"""DriftFunction, started by a schedule: compares the answers with the baseline of the live model.

Its log line of each window is a metric too: Drift, the number of facts that have drifted.
"""

import logging
import os
from datetime import UTC, datetime
from typing import Any

import boto3
from aws_lambda_powertools.metrics import MetricUnit

from common.aws import client_config
from common.environment import Environment
from common.failures import PipelineFailure
from common.log import logger
from common.metrics import log_metrics, metrics_of
from drift.compare import BadBaseline
from drift.watch import Clients, DriftSettings, watch

__all__ = ["handler"]

environment = Environment(os.environ)
settings = DriftSettings(
    endpoint_name=environment.text("ENDPOINT_NAME"),
    bucket=environment.text("BUCKET_NAME"),
    log_group=environment.text("LOG_GROUP"),
    topic_arn=environment.text("TOPIC_ARN"),
)
config = client_config(environment.text("AWS_REGION"))
clients = Clients(
    sagemaker=boto3.client("sagemaker", config=config),
    s3=boto3.client("s3", config=config),
    logs=boto3.client("logs", config=config),
    sns=boto3.client("sns", config=config),
)


@logger.inject_lambda_context
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Compare what was answered up to the schedule's time or, without one, now."""
    now = datetime.fromisoformat(event["time"]) if "time" in event else datetime.now(UTC)
    try:
        windows = watch(settings, clients, int(now.timestamp() * 1000), logger.warning)
    except (PipelineFailure, BadBaseline) as failure:
        logger.warning(f"Drift is not watched: {failure}")
        windows = []
    for drifted in windows:
        metrics = metrics_of(settings.endpoint_name, {"Drift": len(drifted)}, MetricUnit.Count)
        reasons = [drift.change for drift in drifted]
        log_metrics(logging.getLogger(logger.name), "window", {**metrics, "reasons": reasons})
    return {"windows": len(windows), "drifted": sum(map(bool, windows))}
