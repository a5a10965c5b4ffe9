"""PreflightFunction, the state Preflight: the execution's input in, what was checked out."""

import os
from typing import Any

from aws_lambda_powertools.logging import Logger

from common.aws import connect
from common.environment import Environment
from preflight.checks import Settings, check

__all__ = ["handler"]

environment = Environment(os.environ)
settings = Settings.from_environment(environment)
region = environment.text("AWS_REGION")
s3 = connect("s3", region)
quotas = connect("service-quotas", region)
logger = Logger(location=None)


@logger.inject_lambda_context
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Run one state of one execution."""
    return check(event["input"], settings, s3, quotas)
