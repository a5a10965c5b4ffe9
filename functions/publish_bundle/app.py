"""PublishBundleFunction, the state PublishBundle: input {}, output the bundle's location."""

import os
from pathlib import Path
from typing import Any

import boto3

from common.aws import client_config
from common.environment import Environment
from common.log import logger
from publish_bundle.bundle import Bundle, publish

__all__ = ["handler"]

environment = Environment(os.environ)
bucket = environment.text("BUCKET_NAME")
s3 = boto3.client("s3", config=client_config(environment.text("AWS_REGION"), read_timeout_s=60))
folder = Path(__file__).parents[1] / "bundle"


@logger.inject_lambda_context
def handler(_event: dict[str, Any], _context: object) -> dict[str, str]:
    """Run one state of one execution."""
    return publish(Bundle.load(folder), bucket, s3)
