"""Copy the output of functions to CloudWatch Logs, and extract the metrics in it.

The emulator's output goes to a file for each function. New lines are copied if the function's role
allows it; on AWS a function whose role does not leaves no log either. Lines in the embedded metric
format become metrics, as CloudWatch Logs makes them:
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

import asyncio
import contextlib
import json
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from kennel.cloud.awslambda.function_config import FunctionConfig
from kennel.cloud.cloudformation.names import ACCOUNT, REGION
from kennel.cloud.cloudwatch.metrics import Metrics
from kennel.cloud.iam.permissions import Authorizer
from kennel.cloud.iam.policy import RequiredPermission
from kennel.cloud.runtime.clock import Clock
from kennel.cloud.runtime.log_files import predecessor

if TYPE_CHECKING:
    from types_boto3_logs import CloudWatchLogsClient

_SECONDS = 1.0
_BATCH = 10_000  # events in a PutLogEvents call; its megabyte is far
_MOST_AHEAD_S = 7100  # of the real time; moto, as CloudWatch, refuses lines of more than two hours


@dataclass
class _LogFile:
    function: FunctionConfig
    file: Path
    group: str = ""  # where its stream is
    stream: str = ""
    offset: int = 0

    def added(self) -> list[str]:
        """Return the whole lines that were added since the last call."""
        if not self.file.exists():
            return []
        before: list[str] = []
        if self.file.stat().st_size < self.offset:  # it was cut
            text = predecessor(self.file).read_bytes()[self.offset :]
            before, self.offset = text.decode(errors="replace").splitlines(), 0
        with self.file.open("rb") as file:
            file.seek(self.offset)
            text, newline, _ = file.read().rpartition(b"\n")
        self.offset += len(text) + len(newline)
        return [*before, *text.decode(errors="replace").splitlines()]


class FunctionLogs:
    """Copies the logs of all functions.

    Parameters
    ----------
    functions
        By name, as they are at each moment.
    folder
        The emulators' log files.
    client
        A boto3 client of moto's CloudWatch Logs.
    """

    def __init__(
        self,
        functions: Mapping[str, FunctionConfig],
        folder: Path,
        client: "CloudWatchLogsClient",
        authorizer: Authorizer,
        metrics: Metrics,
        *,
        clock: Clock,
    ) -> None:
        self._clock = clock
        self._functions = functions
        self._folder = folder
        self._files: dict[str, _LogFile] = {}
        self._client = client
        self._authorizer = authorizer
        self._metrics = metrics

    async def run(self) -> None:
        """Copy new lines every second, until cancelled."""
        while True:
            await asyncio.sleep(_SECONDS)
            await self.copy()

    async def copy(self) -> None:
        """Copy the lines that were added since the last call."""
        await self._authorizer.refresh()
        for name, function in self._functions.items():
            new = _LogFile(function, self._folder / f"{name}.log")
            self._files.setdefault(name, new).function = function
        for log_file in list(self._files.values()):  # those of removed functions, too
            lines = log_file.added()
            for name, value, unit, namespace, dimensions in _metrics_in(lines):
                self._metrics.count(namespace, name, dimensions, value, unit)
            function = log_file.function
            group = function.log_group
            arn = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{group}:log-stream:x"
            writing = RequiredPermission("logs:PutLogEvents", arn)
            if lines and self._authorizer.allows(function.role, writing):
                if log_file.group != group:
                    log_file.group = group
                    await asyncio.to_thread(self._start_stream, log_file, function.role)
                await asyncio.to_thread(self._write, log_file, lines)

    def _start_stream(self, log: _LogFile, role: str) -> None:
        """Create a stream, and its group where that is missing and the role may create it."""
        day = datetime.now(UTC).strftime("%Y/%m/%d")
        log.stream = f"{day}/[$LATEST]{uuid.uuid4().hex}"
        names = {"logGroupName": log.group, "logStreamName": log.stream}
        with contextlib.suppress(self._client.exceptions.ResourceNotFoundException):
            self._client.create_log_stream(**names)
            return
        arn = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{log.group}:log-stream:"
        if self._authorizer.allows(role, RequiredPermission("logs:CreateLogGroup", arn)):
            self._client.create_log_group(logGroupName=log.group)
            self._client.create_log_stream(**names)

    def _write(self, log: _LogFile, lines: list[str]) -> None:
        try:
            # The offline time, which schedules pass on and a reader of the log then asks for.
            now = int(min(self._clock.now(), time.time() + _MOST_AHEAD_S) * 1000)
            for first in range(0, len(lines), _BATCH):
                self._client.put_log_events(
                    logGroupName=log.group,
                    logStreamName=log.stream,
                    logEvents=[
                        {"timestamp": now, "message": line or " "}
                        for line in lines[first : first + _BATCH]
                    ],
                )
        except ClientError as error:
            # A deleted group: the function's log is in its file alone from here on.
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise


Metric = tuple[str, float, str, str, dict[str, str]]


def _metrics_in(lines: list[str]) -> Iterator[Metric]:
    """Yield (name, value, unit, namespace, dimensions) of each metric in the lines."""
    for line in lines:
        if '"_aws"' not in line:
            continue
        try:
            document = json.loads(line)
            for directive in document["_aws"]["CloudWatchMetrics"]:
                for keys in directive["Dimensions"]:
                    dimensions = {key: str(document[key]) for key in keys}
                    for metric in directive["Metrics"]:
                        values = document[metric["Name"]]
                        for value in values if isinstance(values, list) else [values]:
                            unit = metric.get("Unit", "None")
                            yield (
                                *(metric["Name"], float(value), unit),
                                *(directive["Namespace"], dimensions),
                            )
        except (ValueError, KeyError, TypeError):
            continue  # CloudWatch makes no metric of a line that breaks the format, and keeps it
