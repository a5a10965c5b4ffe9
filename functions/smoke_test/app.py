"""SmokeTestFunction, the states SmokeTest and Probe.

{"candidate", "release"} in, a right answer out; {"candidate", "probe": true} in, counts out.
"""

import os
from typing import Any

from aws_lambda_powertools.logging import Logger

from common.aws import connect
from common.environment import Environment
from smoke_test.probe import probe
from smoke_test.smoke import smoke_test

__all__ = ["handler"]

environment = Environment(os.environ)
endpoint_name = environment.text("ENDPOINT_NAME")
bucket = environment.text("BUCKET_NAME")
region = environment.text("AWS_REGION")
sagemaker = connect("sagemaker", region)
# SageMaker gives a container 60 s. One attempt: a test that passes at the second try is no proof.
runtime = connect("sagemaker-runtime", region, read_timeout_s=65, attempts=1)
hurried = connect("sagemaker-runtime", region, read_timeout_s=5, attempts=1)
s3 = connect("s3", region)
logger = Logger(location=None)


@logger.inject_lambda_context
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Run one state of one execution."""
    if event.get("probe"):
        return probe(event, endpoint_name, bucket, runtime=hurried, s3=s3)
    return smoke_test(event, endpoint_name, bucket, sagemaker=sagemaker, runtime=runtime, s3=s3)
