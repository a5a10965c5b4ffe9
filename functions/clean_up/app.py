"""CleanUpFunction: clean up after an execution that failed, was aborted or timed out.

Both state machines pass {"execution": {"Id", "RedriveCount"}} and call again, after a wait of their
own, while the status is "waiting". The function itself never waits: it would hold one of the
account's concurrent executions, of which a new account has ten.
"""

import os
from typing import Any

import boto3
from aws_lambda_powertools.utilities.typing import LambdaContext

from clean_up.clients import Clients
from clean_up.rollback import CleanUpSettings, clean_up
from common.aws import client_config
from common.environment import Environment
from common.execution import Execution
from common.log import logger

__all__ = ["handler"]

environment = Environment(os.environ)
settings = CleanUpSettings(
    endpoint_name=environment.text("ENDPOINT_NAME"),
    bucket=environment.text("BUCKET_NAME"),
    project=environment.text("PROJECT_NAME"),
)
config = client_config(environment.text("AWS_REGION"))
clients = Clients(
    sagemaker=boto3.client("sagemaker", config=config),
    autoscaling=boto3.client("application-autoscaling", config=config),
    codebuild=boto3.client("codebuild", config=config),
    s3=boto3.client("s3", config=config),
)


@logger.inject_lambda_context
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Take every step of the clean-up that is possible now, and return its status."""
    return clean_up(Execution.from_context(event["execution"]), settings, clients)
