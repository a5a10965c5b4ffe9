"""RegisterFunction, the state Register, which follows Judge or FindPackage.

Input {"execution", "judgement", "image"}, output package_arn and status.
"""

import os
from typing import Any

import boto3

from common.aws import client_config
from common.environment import Environment
from common.execution import Execution
from common.log import logger
from register.package import register

__all__ = ["handler"]

environment = Environment(os.environ)
group = environment.text("MODEL_PACKAGE_GROUP")
sagemaker = boto3.client("sagemaker", config=client_config(environment.text("AWS_REGION")))


@logger.inject_lambda_context
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Run one state of one execution."""
    execution = Execution.from_context(event["execution"])
    return register(execution, event["judgement"], event["image"], group, sagemaker)
