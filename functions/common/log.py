"""Log a function's own lines at LogLevel, and only warnings and errors of libraries.

Lambda's JSON format sets the root logger to LogLevel. At DEBUG botocore would then log whole
requests and answers, which hold photos and session tokens. Set at import, because the functions
make their clients at import.
"""

import logging

from aws_lambda_powertools.logging import Logger

__all__ = ["logger"]

_root = logging.getLogger()
_root.setLevel(max(_root.level, logging.WARNING))
#: POWERTOOLS_SERVICE_NAME names it, and Lambda's AWS_LAMBDA_LOG_LEVEL sets its level.
logger = Logger(location=None)
