"""Access logs of REST APIs: a line for each request, by its stage's format, in its log group.

A variable without a value is written as a hyphen. The account's role, with which API Gateway writes
logs on AWS, is not asked for here.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-variables-for-access-logging.html
"""

import asyncio
import contextlib
import hashlib
import json
import re
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from kennel.cloud.apigateway.definitions import Stage
from kennel.cloud.apigateway.gateway_responses import DEFAULTS, GatewayResponse
from kennel.cloud.cloudformation.template import Resource
from kennel.errors import CannotStart

if TYPE_CHECKING:
    from types_boto3_logs import CloudWatchLogsClient
    from types_boto3_logs.type_defs import InputLogEventTypeDef

WRITE_SECONDS = 1.0
_BATCH = 10_000  # events in a PutLogEvents call
_VARIABLE = re.compile(r"\$context\.(\w+(?:\.\w+)*)")
#: One of these must be in a format:
#: https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-logging.html
_IDS = {"requestId", "extendedRequestId"}

#: The context variables of a request, by name without `$context.`.
Variables = dict[str, Any]
#: (log group, stream)
_Place = tuple[str, str]


class AccessLogs:
    """Collects the lines of requests, and writes them to CloudWatch Logs.

    Parameters
    ----------
    logs
        A boto3 client of moto's CloudWatch Logs.
    """

    def __init__(self, logs: "CloudWatchLogsClient") -> None:
        self._logs = logs
        self._waiting: dict[_Place, list[InputLogEventTypeDef]] = {}
        self._streams: set[_Place] = set()

    def add(
        self, api: str, stage: Stage, variables: Variables, response: Response, seconds: float
    ) -> None:
        """Add the line of a request to a stage that has an access log.

        Parameters
        ----------
        variables
            Those that were known before the response.
        seconds
            From the request to the response.
        """
        setting = stage.access_log
        message = _VARIABLE.sub(
            _value_in({**variables, **_of_response(response, seconds)}), str(setting["Format"])
        )
        # AWS names a stream by a hash, too, and has several for each stage.
        stream = hashlib.sha256(f"{api}/{stage.name}".encode()).hexdigest()[:32]
        place = (_group_of(setting), stream)
        now = int(time.time() * 1000)
        self._waiting.setdefault(place, []).append({"timestamp": now, "message": message.strip()})

    async def run(self) -> None:
        """Write every second, until cancelled."""
        while True:
            await asyncio.sleep(WRITE_SECONDS)
            await self.write()

    async def write(self) -> None:
        """Write the collected lines; those of a group that was deleted are lost, as on AWS."""
        waiting, self._waiting = self._waiting, {}
        for place, events in waiting.items():
            try:
                await asyncio.to_thread(self._write, place, events)
            except self._logs.exceptions.ResourceNotFoundException:
                self._streams.discard(place)

    def _write(self, place: _Place, events: "list[InputLogEventTypeDef]") -> None:
        group, stream = place
        if place not in self._streams:
            with contextlib.suppress(self._logs.exceptions.ResourceAlreadyExistsException):
                self._logs.create_log_stream(logGroupName=group, logStreamName=stream)
            self._streams.add(place)
        for first in range(0, len(events), _BATCH):
            self._logs.put_log_events(
                logGroupName=group,
                logStreamName=stream,
                logEvents=events[first : first + _BATCH],
            )


def flattened(context: Mapping[str, Any]) -> Variables:
    """Return the members of an event's requestContext as variables: identity.sourceIp."""
    nested = [name for name, value in context.items() if isinstance(value, Mapping)]
    inner = {f"{name}.{key}": each for name in nested for key, each in context[name].items()}
    return {**{name: each for name, each in context.items() if name not in nested}, **inner}


def check_format(setting: Mapping[str, Any]) -> None:
    """Raise CannotStart for an access log that API Gateway refuses, or that is not emulated."""
    arn = str(setting.get("DestinationArn", ""))
    if not re.match(r"arn:[a-z-]+:logs:", arn):
        raise CannotStart(
            f"its access log goes to {arn or 'no DestinationArn'}, and the offline cloud writes to "
            "log groups alone"
        )
    if not _IDS & set(_VARIABLE.findall(str(setting.get("Format", "")))):
        raise CannotStart(
            "the format of its access log has neither $context.requestId nor "
            "$context.extendedRequestId, of which API Gateway requires one: "
            f"{setting.get('Format')}"
        )


def check_destination(logs: "CloudWatchLogsClient", stage: Resource) -> None:
    """Raise CannotStart for a stage whose access log goes to a log group that does not exist."""
    if not (setting := stage.properties.get("AccessLogSetting")):
        return
    group = _group_of(setting)
    groups = logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
    if not any(each["logGroupName"] == group for each in groups):
        raise CannotStart(
            f"{stage.logical_id}: Invalid request provided: the log group of the access log, "
            f"{setting['DestinationArn']}, does not exist (BadRequestException)"
        )


def _group_of(setting: Mapping[str, Any]) -> str:
    """Return the log group of a setting, whose ARN may end in `:*`."""
    return str(setting["DestinationArn"]).partition(":log-group:")[2].removesuffix(":*")


def _of_response(response: Response, seconds: float) -> Variables:
    known: Variables = {
        "status": response.status_code,
        "responseLength": len(response.body),
        "responseLatency": round(seconds * 1000),
    }
    if isinstance(response, GatewayResponse):
        message = DEFAULTS[response.kind][1]
        known |= {
            "error.responseType": response.kind,
            "error.message": message,
            "error.messageString": json.dumps(message),
        }
    return known


def _value_in(variables: Variables) -> Callable[[re.Match[str]], str]:
    def value(match: re.Match[str]) -> str:
        variable = variables.get(match[1])
        return "-" if variable in {None, ""} else str(variable)

    return value
