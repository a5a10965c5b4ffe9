"""JudgeFunction, the state Judge: input {"training"}, output accepted, reason and candidate."""

import os
from typing import Any

import boto3

from common.aws import client_config
from common.environment import Environment
from common.log import logger
from judge.candidate import judge_package
from judge.verdict import AcceptanceCriteria

__all__ = ["handler"]

environment = Environment(os.environ)
bucket = environment.text("BUCKET_NAME")
criteria = AcceptanceCriteria.from_environment(environment)
s3 = boto3.client("s3", config=client_config(environment.text("AWS_REGION"), read_timeout_s=60))


@logger.inject_lambda_context
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Run one state of one execution."""
    return judge_package(s3, bucket, event["training"]["job_name"], criteria)
