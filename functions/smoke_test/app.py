"""SmokeTestFunction, the states SmokeTest and Probe.

SmokeTest: input {"candidate", "release"}, output the answer; Probe: input
{"candidate", "probe": true}, output counts.
"""

import os
from typing import Any

import boto3

from common.aws import client_config
from common.environment import Environment
from common.log import logger
from smoke_test.probe import probe
from smoke_test.smoke import smoke_test

__all__ = ["handler"]

environment = Environment(os.environ)
endpoint_name = environment.text("ENDPOINT_NAME")
bucket = environment.text("BUCKET_NAME")
region = environment.text("AWS_REGION")
sagemaker = boto3.client("sagemaker", config=client_config(region))
# SageMaker allows a container 60 s. One attempt: a test must not pass by a retry.
runtime = boto3.client(
    "sagemaker-runtime", config=client_config(region, read_timeout_s=65, attempts=1)
)
probe_runtime = boto3.client(
    "sagemaker-runtime", config=client_config(region, read_timeout_s=5, attempts=1)
)
s3 = boto3.client("s3", config=client_config(region))


@logger.inject_lambda_context
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Run one state of one execution."""
    if event.get("probe"):
        return probe(event, endpoint_name, bucket, runtime=probe_runtime, s3=s3)
    return smoke_test(event, endpoint_name, bucket, sagemaker=sagemaker, runtime=runtime, s3=s3)
