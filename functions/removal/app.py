"""RemovalFunction, a custom resource: delete with the stack what its executions have created.

Executions create the endpoint, its configurations and models, jobs and registered versions, so
CloudFormation does not know them. When the stack is deleted this function deletes them, waits for
SageMaker where it must, and re-invokes itself before it times out. It always responds to
CloudFormation, which would otherwise wait for an hour.
"""

import os
import time
from typing import Any

import boto3
from aws_lambda_powertools.utilities.typing import LambdaContext

from common.aws import client_config
from common.environment import Environment
from common.log import logger
from common.reinvoke import reinvoke_before_timeout
from removal.clients import Clients
from removal.resources import RemovalSettings, remove
from removal.response import respond

__all__ = ["handler"]

environment = Environment(os.environ)
settings = RemovalSettings(
    endpoint_name=environment.text("ENDPOINT_NAME"),
    bucket=environment.text("BUCKET_NAME"),
    project=environment.text("PROJECT_NAME"),
    group=environment.text("MODEL_PACKAGE_GROUP"),
    machine_arn=environment.text("STATE_MACHINE_ARN"),
    clean_up_machine_arn=environment.text("CLEAN_UP_MACHINE_ARN"),
    keep_data=environment.one_of("KEEP_DATA", "true", "false") == "true",
)
poll_s = environment.integer("POLL_SECONDS")
region = environment.text("AWS_REGION")
config = client_config(region)
clients = Clients(
    sagemaker=boto3.client("sagemaker", config=config),
    autoscaling=boto3.client("application-autoscaling", config=config),
    codebuild=boto3.client("codebuild", config=config),
    step_functions=boto3.client("stepfunctions", config=config),
    s3=boto3.client("s3", config=client_config(region, read_timeout_s=30)),
)
lambda_client = boto3.client("lambda", config=config)
_MAX_S = 55 * 60  # CloudFormation gives up after an hour
_STARTED = "KennelStarted"  # in the event of a re-invocation: start of the first one, Unix seconds


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Respond to CloudFormation's create, update or delete."""
    try:
        left = _remove(event, context) if event["RequestType"] == "Delete" else []
    except Exception as error:  # without a response CloudFormation waits for an hour
        logger.exception("removal failed")
        return respond(event, settings.endpoint_name, f"{type(error).__name__}: {error}")
    if left is None:
        return {"status": "continues in another invocation"}
    return respond(event, settings.endpoint_name, "; ".join(left))


def _remove(event: dict[str, Any], context: LambdaContext) -> list[str] | None:
    """Remove until nothing is left; None if another invocation continues."""
    started = event.get(_STARTED, time.time())
    while left := remove(settings, clients):
        logger.info("not removed yet", extra={"left": left})
        if time.time() - started > _MAX_S:
            return [f"left after {_MAX_S // 60} minutes:", *left]
        if reinvoke_before_timeout(lambda_client, context, {**event, _STARTED: started}, poll_s):
            return None
        time.sleep(poll_s)
    return []
