"""ApplyAutoscalingFunction, the state ApplyAutoscaling: {} in, the settings that now hold out."""

import os
from typing import Any

from aws_lambda_powertools.logging import Logger

from apply_autoscaling.policy import apply
from common.aws import connect
from common.environment import Environment
from common.scaling import Scaling

__all__ = ["handler"]

environment = Environment(os.environ)
endpoint_name = environment.text("ENDPOINT_NAME")
scaling = Scaling.from_environment(environment)
autoscaling = connect("application-autoscaling", environment.text("AWS_REGION"))
logger = Logger(location=None)


@logger.inject_lambda_context
def handler(_event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Run one state of one execution."""
    return apply(endpoint_name, scaling, autoscaling)
