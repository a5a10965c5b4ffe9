"""CleanUpFunction: clean up after an execution that failed, was aborted or timed out.

The state machine's CleanUp state passes {"execution"} and calls again while the status is
"waiting". For an event of CleanUpRule the function polls itself, and re-invokes itself before it
times out. A function of the aborted execution may still be running at that time, and Release may
yet create an endpoint; so the last check is made after that function must have ended.
"""

import os
import time
from typing import Any

import boto3
from aws_lambda_powertools.logging import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from clean_up.clients import Clients
from clean_up.event import executions_of
from clean_up.rollback import CleanUpSettings, clean_up
from common.aws import client_config
from common.environment import Environment
from common.execution import Execution
from common.reinvoke import reinvoke_before_timeout

__all__ = ["handler"]

environment = Environment(os.environ)
settings = CleanUpSettings(
    endpoint_name=environment.text("ENDPOINT_NAME"),
    bucket=environment.text("BUCKET_NAME"),
    project=environment.text("PROJECT_NAME"),
)
poll_s = environment.integer("POLL_SECONDS")
settle_s = environment.integer("SETTLE_SECONDS")
config = client_config(environment.text("AWS_REGION"))
clients = Clients(
    sagemaker=boto3.client("sagemaker", config=config),
    autoscaling=boto3.client("application-autoscaling", config=config),
    codebuild=boto3.client("codebuild", config=config),
    s3=boto3.client("s3", config=config),
)
lambda_client = boto3.client("lambda", config=config)
logger = Logger(location=None)
_SETTLED = "KennelSettled"  # in the event of a re-invocation: the settling time has passed


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Clean up after one execution."""
    if "detail" not in event:
        return clean_up(Execution.from_context(event["execution"]), settings, clients)
    executions = executions_of(event)
    if not event.get(_SETTLED):
        for execution in executions:
            clean_up(execution, settings, clients)
        time.sleep(settle_s)
    while True:
        results = [clean_up(execution, settings, clients) for execution in executions]
        waiting = [result for result in results if result["status"] == "waiting"]
        if not waiting:
            actions = [action for result in results for action in result["actions"]]
            return {"status": "done", "actions": actions}
        if reinvoke_before_timeout(lambda_client, context, {**event, _SETTLED: True}, poll_s):
            return waiting[0]
        time.sleep(poll_s)
