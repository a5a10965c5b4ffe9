"""CleanUpFunction: after a failure, and after an execution that was aborted or timed out.

The state CleanUp gives {"execution"} and asks again while the answer's status is "waiting". An
event of the rule has nobody who asks again: then the function itself does, and shortly before its
time is over it starts itself once more. A function of the aborted execution may still be at work
then, and Release may create an endpoint after all; so the last look comes when it must have ended.
"""

import os
import time
from typing import Any

from aws_lambda_powertools.logging import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from clean_up.clients import Clients
from clean_up.event import executions_of
from clean_up.way_back import Settings, clean_up
from common.again import starts_anew
from common.aws import connect
from common.environment import Environment
from common.execution import Execution

__all__ = ["handler"]

environment = Environment(os.environ)
settings = Settings(
    endpoint_name=environment.text("ENDPOINT_NAME"),
    bucket=environment.text("BUCKET_NAME"),
    project=environment.text("PROJECT_NAME"),
)
poll_s = environment.whole("POLL_SECONDS")
settle_s = environment.whole("SETTLE_SECONDS")
region = environment.text("AWS_REGION")
clients = Clients(
    sagemaker=connect("sagemaker", region),
    autoscaling=connect("application-autoscaling", region),
    codebuild=connect("codebuild", region),
    s3=connect("s3", region),
)
functions = connect("lambda", region)
logger = Logger(location=None)
_SETTLED = "KennelSettled"  # in the event that it sends itself


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Clean up after one execution."""
    if "detail" not in event:
        return clean_up(Execution.from_context(event["execution"]), settings, clients)
    executions = executions_of(event)
    if not event.get(_SETTLED):
        for each in executions:
            clean_up(each, settings, clients)
        time.sleep(settle_s)
    while True:
        results = [clean_up(each, settings, clients) for each in executions]
        waiting = [each for each in results if each["status"] == "waiting"]
        if not waiting:
            return {"status": "done", "did": [line for each in results for line in each["did"]]}
        if starts_anew(functions, context, {**event, _SETTLED: True}, poll_s):
            return waiting[0]
        time.sleep(poll_s)
