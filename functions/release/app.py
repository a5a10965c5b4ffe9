"""ReleaseFunction, the state Release.

Input {"execution", "candidate", "version", "image"}, output the names of the created resources.
"""

import os
from typing import Any

import boto3

from common.aws import client_config
from common.environment import Environment
from common.log import logger
from release.request import ReleaseRequest, ReleaseSettings
from release.rollout import release

__all__ = ["handler"]

environment = Environment(os.environ)
settings = ReleaseSettings.from_environment(environment)
config = client_config(environment.text("AWS_REGION"))
sagemaker = boto3.client("sagemaker", config=config)
autoscaling = boto3.client("application-autoscaling", config=config)
s3 = boto3.client("s3", config=config)


@logger.inject_lambda_context
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Run one state of one execution."""
    return release(ReleaseRequest.from_event(event), settings, sagemaker, autoscaling, s3)
