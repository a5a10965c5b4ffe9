"""FindPackageFunction, the state FindPackage: find the package to release without a training.

Input {"release", "bundle"}, output as that of Judge.
"""

import os
from typing import Any

import boto3

from common.aws import client_config
from common.environment import Environment
from common.log import logger
from find_package.find import find_package

__all__ = ["handler"]

environment = Environment(os.environ)
endpoint_name = environment.text("ENDPOINT_NAME")
bucket = environment.text("BUCKET_NAME")
region = environment.text("AWS_REGION")
sagemaker = boto3.client("sagemaker", config=client_config(region))
s3 = boto3.client("s3", config=client_config(region, read_timeout_s=60))


@logger.inject_lambda_context
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Run one state of one execution."""
    return find_package(event["release"], event["bundle"], endpoint_name, bucket, sagemaker, s3)
