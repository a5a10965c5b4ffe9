"""FilterLogEvents, as `aws logs tail` calls it: moto's events, filtered here.

moto takes no group by its ARN, and of the filter patterns it knows single terms alone: it answers
every other pattern, and every prefix of a stream's name, with all events.
"""

import asyncio
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError
from starlette.requests import Request
from starlette.responses import Response

from kennel.cloud.cloudwatch.log_patterns import read_pattern
from kennel.cloud.iam.actions import log_group_of
from kennel.cloud.iam.requests import ApiCall
from kennel.cloud.runtime.answers import written
from kennel.cloud.runtime.errors import ServiceError

if TYPE_CHECKING:
    from types_boto3_logs import CloudWatchLogsClient


class LogEvents:
    """Answers FilterLogEvents.

    Parameters
    ----------
    logs
        A boto3 client of moto's CloudWatch Logs.
    """

    def __init__(self, logs: "CloudWatchLogsClient") -> None:
        self._logs = logs

    async def __call__(self, request: Request, call: ApiCall) -> Response:
        """Answer a call: a page may hold fewer events than its limit, as on AWS."""
        matches = read_pattern(call.parameters.get("filterPattern", ""))
        asked: Any = {
            name: value
            for name, value in call.parameters.items()
            if name not in {"filterPattern", "logGroupIdentifier", "logStreamNamePrefix"}
        }
        if identifier := call.parameters.get("logGroupIdentifier"):
            if "logGroupName" in asked:
                message = "Only one of logGroupName and logGroupIdentifier can be given."
                raise ServiceError("InvalidParameterException", message)
            asked["logGroupName"] = log_group_of(identifier)
        prefix = call.parameters.get("logStreamNamePrefix", "")
        if prefix and "logStreamNames" in asked:
            message = "Only one of logStreamNames and logStreamNamePrefix can be given."
            raise ServiceError("InvalidParameterException", message)
        try:
            page: Any = await asyncio.to_thread(self._logs.filter_log_events, **asked)
        except ClientError as error:
            refusal = error.response["Error"]
            raise ServiceError(refusal["Code"], refusal["Message"]) from error
        page["events"] = [
            each
            for each in page["events"]
            if each["logStreamName"].startswith(prefix) and matches(each["message"])
        ]
        return written("logs", call.operation, page)
