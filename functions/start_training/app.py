"""StartTrainingFunction, the state StartTraining.

{"execution", "bundle", "checked", "tuned"} in, job_name out.
"""

import os
from typing import Any

from aws_lambda_powertools.logging import Logger

from common.aws import connect
from common.environment import Environment
from common.training import Job, Settings, read_search_space
from start_training.training import start_training

__all__ = ["handler"]

environment = Environment(os.environ)
settings = Settings.from_environment(environment)
region = environment.text("AWS_REGION")
sagemaker = connect("sagemaker", region)
s3 = connect("s3", region)
logger = Logger(location=None)


@logger.inject_lambda_context
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Run one state of one execution."""
    space = read_search_space(s3, settings.bucket, event["bundle"]["prefix"])
    return start_training(Job.from_event(event), event["tuned"], space, settings, sagemaker)
