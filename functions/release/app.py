"""ReleaseFunction, the state Release: {"execution", "candidate", "image"} in, what it made out."""

import os
from typing import Any

from aws_lambda_powertools.logging import Logger

from common.aws import connect
from common.environment import Environment
from release.order import Order, Settings
from release.rollout import release

__all__ = ["handler"]

environment = Environment(os.environ)
settings = Settings.from_environment(environment)
region = environment.text("AWS_REGION")
sagemaker = connect("sagemaker", region)
autoscaling = connect("application-autoscaling", region)
s3 = connect("s3", region)
logger = Logger(location=None)


@logger.inject_lambda_context
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Run one state of one execution."""
    return release(Order.from_event(event), settings, sagemaker, autoscaling, s3)
