"""StartTrainingFunction, the state StartTraining.

Input {"execution", "bundle", "checked", "tuned"}, output job_name.
"""

import os
from typing import Any

import boto3

from common.aws import client_config
from common.environment import Environment
from common.log import logger
from common.training import Job, TrainingSettings, read_search_space
from start_training.training import start_training

__all__ = ["handler"]

environment = Environment(os.environ)
settings = TrainingSettings.from_environment(environment)
config = client_config(environment.text("AWS_REGION"))
sagemaker = boto3.client("sagemaker", config=config)
s3 = boto3.client("s3", config=config)


@logger.inject_lambda_context
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Run one state of one execution."""
    search_space = read_search_space(s3, settings.bucket, event["bundle"]["prefix"])
    return start_training(Job.from_event(event), event["tuned"], search_space, settings, sagemaker)
