"""PreflightFunction, the state Preflight: input the execution's own, output the checked values."""

import os
from typing import Any

import boto3

from common.aws import client_config
from common.environment import Environment
from common.log import logger
from preflight.checks import check
from preflight.clients import Clients
from preflight.parameters import PreflightSettings

__all__ = ["handler"]

environment = Environment(os.environ)
settings = PreflightSettings.from_environment(environment)
config = client_config(environment.text("AWS_REGION"))
clients = Clients(
    s3=boto3.client("s3", config=config),
    sagemaker=boto3.client("sagemaker", config=config),
    ecr=boto3.client("ecr", config=config),
    quotas=boto3.client("service-quotas", config=config),
)


@logger.inject_lambda_context
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Run one state of one execution."""
    return check(event["input"], settings, clients)
