"""EnsureImageFunction, the state EnsureImage.

Input {"execution", "bundle"}, output the image's status and URI.
"""

import os
from typing import Any

import boto3

from common.aws import client_config
from common.environment import Environment
from common.execution import Execution
from common.images import ServingImage
from common.log import logger
from ensure_image.build import ImageBuildSettings, ensure_image

__all__ = ["handler"]

environment = Environment(os.environ)
settings = ImageBuildSettings(
    image=ServingImage.from_environment(environment),
    repository=environment.text("REPOSITORY_NAME"),
    project=environment.text("PROJECT_NAME"),
    bucket=environment.text("BUCKET_NAME"),
)
config = client_config(environment.text("AWS_REGION"))
ecr = boto3.client("ecr", config=config)
codebuild = boto3.client("codebuild", config=config)


@logger.inject_lambda_context
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Run one state of one execution."""
    execution = Execution.from_context(event["execution"])
    return ensure_image(execution, event["bundle"], settings, ecr, codebuild)
