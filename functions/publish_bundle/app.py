"""PublishBundleFunction, the state PublishBundle: {} in, the bundle's place in the bucket out."""

import os
from pathlib import Path
from typing import Any

from aws_lambda_powertools.logging import Logger

from common.aws import connect
from common.environment import Environment
from publish_bundle.bundle import Bundle, publish

__all__ = ["handler"]

environment = Environment(os.environ)
bucket = environment.text("BUCKET_NAME")
s3 = connect("s3", environment.text("AWS_REGION"), read_timeout_s=60)
folder = Path(__file__).parents[1] / "bundle"
logger = Logger(location=None)


@logger.inject_lambda_context
def handler(_event: dict[str, Any], _context: object) -> dict[str, str]:
    """Run one state of one execution."""
    return publish(Bundle.load(folder), bucket, s3)
