"""RemovalFunction, behind the stack's custom resource: what CloudFormation does not know goes too.

The endpoint, its configurations and models, jobs and registered versions are made by executions,
not by the stack, and would outlive it. On a stack's deletion this function removes them, waiting
for SageMaker where it must; before its time is over it starts itself anew. CloudFormation waits for
an answer, and gets one whatever happens.
"""

import os
import time
from typing import Any

from aws_lambda_powertools.logging import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from common.again import starts_anew
from common.aws import connect
from common.environment import Environment
from removal.answer import answer
from removal.clients import Clients
from removal.everything import Settings, remove

__all__ = ["handler"]

environment = Environment(os.environ)
settings = Settings(
    endpoint_name=environment.text("ENDPOINT_NAME"),
    bucket=environment.text("BUCKET_NAME"),
    project=environment.text("PROJECT_NAME"),
    group=environment.text("MODEL_PACKAGE_GROUP"),
    machine_arn=environment.text("STATE_MACHINE_ARN"),
    keep_data=environment.one_of("KEEP_DATA", "true", "false") == "true",
)
poll_s = environment.whole("POLL_SECONDS")
region = environment.text("AWS_REGION")
clients = Clients(
    sagemaker=connect("sagemaker", region),
    autoscaling=connect("application-autoscaling", region),
    codebuild=connect("codebuild", region),
    states=connect("stepfunctions", region),
    s3=connect("s3", region, read_timeout_s=30),
)
functions = connect("lambda", region)
logger = Logger(location=None)
_LONGEST_S = 55 * 60  # CloudFormation gives up after an hour
_STARTED = "KennelStarted"  # in the event that it sends itself: Unix seconds of the first


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer CloudFormation's create, update or delete."""
    try:
        left = _remove(event, context) if event["RequestType"] == "Delete" else []
    except Exception as error:  # whatever it is, silence would cost an hour and say less
        logger.exception("removal failed")
        return answer(event, settings.endpoint_name, f"{type(error).__name__}: {error}")
    if left is None:
        return {"status": "goes on"}
    return answer(event, settings.endpoint_name, "; ".join(left))


def _remove(event: dict[str, Any], context: LambdaContext) -> list[str] | None:
    """Remove until nothing is left; None where another invocation goes on with it."""
    started = event.get(_STARTED, time.time())
    while left := remove(settings, clients):
        logger.info("still there", extra={"left": left})
        if time.time() - started > _LONGEST_S:
            return [f"after {_LONGEST_S // 60} minutes there is still", *left]
        if starts_anew(functions, context, {**event, _STARTED: started}, poll_s):
            return None
        time.sleep(poll_s)
    return []
