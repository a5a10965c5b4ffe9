"""PublishBreedsFunction: publish the live model's breeds for ``GET /breeds``.

The state PublishBreeds invokes it after a release, and EndpointRule for every change of the
endpoint's state, so that a change by hand is published too. Both only say when to look.
"""

import os
from typing import Any

import boto3

from common.aws import client_config
from common.environment import Environment
from common.log import logger
from publish_breeds.breeds import publish_breeds, try_to_publish

__all__ = ["handler"]

environment = Environment(os.environ)
endpoint_name = environment.text("ENDPOINT_NAME")
bucket = environment.text("BUCKET_NAME")
region = environment.text("AWS_REGION")
sagemaker = boto3.client("sagemaker", config=client_config(region))
s3 = boto3.client("s3", config=client_config(region, read_timeout_s=30))


@logger.inject_lambda_context
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Publish what is live now; an execution fails where that is impossible."""
    if "detail" in event:
        return try_to_publish(sagemaker, s3, endpoint_name, bucket, logger.warning)
    return publish_breeds(sagemaker, s3, endpoint_name, bucket)
