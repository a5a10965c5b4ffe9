"""JudgeFunction, the state Judge: {"training"} in, accepted, reason and candidate out."""

import os
from typing import Any

from aws_lambda_powertools.logging import Logger

from common.aws import connect
from common.environment import Environment
from judge.parts import publish_parts
from judge.verdict import Bar, judge

__all__ = ["handler"]

environment = Environment(os.environ)
bucket = environment.text("BUCKET_NAME")
bar = Bar.from_environment(environment)
s3 = connect("s3", environment.text("AWS_REGION"), read_timeout_s=60)
logger = Logger(location=None)


@logger.inject_lambda_context
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Run one state of one execution."""
    parts = publish_parts(s3, bucket, event["training"]["job_name"])
    return {**judge(parts.evaluation, bar), "candidate": parts.candidate(bucket)}
