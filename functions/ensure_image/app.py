"""EnsureImageFunction, the state EnsureImage: {"execution", "bundle"} in, is it ready out."""

import os
from typing import Any

from aws_lambda_powertools.logging import Logger

from common.aws import connect
from common.environment import Environment
from common.execution import Execution
from common.images import ServingImage
from ensure_image.build import Settings, ensure_image

__all__ = ["handler"]

environment = Environment(os.environ)
settings = Settings(
    image=ServingImage.from_environment(environment),
    repository=environment.text("REPOSITORY_NAME"),
    project=environment.text("PROJECT_NAME"),
    bucket=environment.text("BUCKET_NAME"),
)
region = environment.text("AWS_REGION")
ecr = connect("ecr", region)
codebuild = connect("codebuild", region)
logger = Logger(location=None)


@logger.inject_lambda_context
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Run one state of one execution."""
    execution = Execution.from_context(event["execution"])
    return ensure_image(execution, event["bundle"], settings, ecr, codebuild)
