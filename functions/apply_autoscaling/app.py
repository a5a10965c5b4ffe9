"""ApplyAutoscalingFunction, the state ApplyAutoscaling: input {}, output the scaling settings.

With {"refresh": true} it is the state RefreshAutoscaling, for the model that stays live.
"""

import os
from typing import Any

import boto3

from apply_autoscaling.policy import apply, refresh, remove
from common.aws import client_config
from common.environment import Environment
from common.hosting import HOSTINGS
from common.log import logger
from common.scaling import ScalingSettings

__all__ = ["handler"]

environment = Environment(os.environ)
endpoint_name = environment.text("ENDPOINT_NAME")
scaling = ScalingSettings.from_environment(environment)
serverless = environment.one_of("HOSTING", *HOSTINGS) == "serverless"
config = client_config(environment.text("AWS_REGION"))
autoscaling = boto3.client("application-autoscaling", config=config)
sagemaker = boto3.client("sagemaker", config=config)


@logger.inject_lambda_context
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Run one state of one execution."""
    if serverless:
        return remove(endpoint_name, autoscaling)
    if event.get("refresh"):
        return refresh(endpoint_name, scaling, autoscaling, sagemaker)
    return apply(endpoint_name, scaling, autoscaling)
