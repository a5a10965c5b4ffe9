"""Send a job's output to CloudWatch Logs, and the metrics that are read from it to CloudWatch."""

import contextlib
import math
import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from kennel.cloud.runtime.clock import Clock
from kennel.cloud.runtime.store import Json

if TYPE_CHECKING:
    from types_boto3_cloudwatch.client import CloudWatchClient
    from types_boto3_cloudwatch.type_defs import DimensionTypeDef, MetricDatumTypeDef
    from types_boto3_logs.client import CloudWatchLogsClient

_MAX_EVENTS = 1000  # of one call; Logs takes 10,000 and 1 MiB, CloudWatch 1,000
METRICS = "/aws/sagemaker/TrainingJobs"  # CloudWatch's namespace


class LogStream:
    """Copies a local log file to a stream of CloudWatch Logs."""

    def __init__(self, logs: "CloudWatchLogsClient", group: str, name: str, file: Path) -> None:
        self._logs = logs
        self._group = group
        self._name = name
        self._file = file
        self._position = 0
        self._created = False

    def send(self) -> None:
        """Send the lines added since the last call.

        A role without permission to write logs leaves none, as on AWS.
        """
        lines = self._new_lines()
        if not lines:
            return
        now = int(time.time() * 1000)
        with _unless_denied():
            self._create()
            for start in range(0, len(lines), _MAX_EVENTS):
                batch = lines[start : start + _MAX_EVENTS]
                self._logs.put_log_events(
                    logGroupName=self._group,
                    logStreamName=self._name,
                    logEvents=[{"timestamp": now, "message": line or " "} for line in batch],
                )

    def _new_lines(self) -> list[str]:
        if not self._file.exists():
            return []
        with self._file.open("rb") as file:
            file.seek(self._position)
            added = file.read()
        end = added.rfind(b"\n") + 1  # an incomplete line waits for its end
        self._position += end
        return added[:end].decode(errors="replace").splitlines()

    def _create(self) -> None:
        if self._created:
            return
        with contextlib.suppress(self._logs.exceptions.ResourceAlreadyExistsException):
            self._logs.create_log_group(logGroupName=self._group)
        self._logs.create_log_stream(logGroupName=self._group, logStreamName=self._name)
        self._created = True


class LogMetrics:
    """Reads a job's metrics from its log files with the job's regular expressions.

    Parameters
    ----------
    definitions
        MetricDefinitions of the request.
    """

    def __init__(self, definitions: Sequence[Json]) -> None:
        self._patterns = [(each["Name"], re.compile(each["Regex"])) for each in definitions]

    def final(self, files: Iterable[Path], when: float) -> list[Json]:
        """Return FinalMetricDataList: the last value of each metric that has any.

        Parameters
        ----------
        when
            Timestamp of the values, in Unix seconds.
        """
        return [
            {"MetricName": name, "Value": values[-1], "Timestamp": when}
            for name, values in self.values(files).items()
            if values
        ]

    def values(self, files: Iterable[Path]) -> dict[str, list[float]]:
        """Return all values of each metric, in the order of the log."""
        values: dict[str, list[float]] = {name: [] for name, _ in self._patterns}
        for file in files:
            for line in file.read_text(errors="replace").splitlines() if file.exists() else []:
                for name, pattern in self._patterns:
                    if (match := pattern.search(line)) and match.groups():
                        try:
                            values[name].append(float(match[1]))
                        except ValueError:  # the expression matched a text that is no number
                            continue
        return values


class MetricStream:
    """Copies a training job's metrics to CloudWatch, where the SDK's analytics reads them.

    https://docs.aws.amazon.com/sagemaker/latest/dg/training-metrics.html
    """

    def __init__(
        self,
        cloudwatch: "CloudWatchClient",
        job_name: str,
        values: Callable[[], Mapping[str, Sequence[float]]],
        clock: Clock,
    ) -> None:
        self._cloudwatch = cloudwatch
        self._dimensions: list[DimensionTypeDef] = [{"Name": "TrainingJobName", "Value": job_name}]
        self._values = values
        self._clock = clock
        self._sent: Counter[str] = Counter()

    def send(self) -> None:
        """Send the values added since the last call, if the role may write metrics."""
        now = datetime.fromtimestamp(self._clock.now(), UTC)
        data: list[MetricDatumTypeDef] = []
        for name, values in self._values().items():
            added = values[self._sent[name] :]
            self._sent[name] += len(added)
            data += [
                {
                    "MetricName": name,
                    "Dimensions": self._dimensions,
                    "Timestamp": now,
                    "Value": value,
                }
                for value in added
                if math.isfinite(value)
            ]
        for start in range(0, len(data), _MAX_EVENTS):
            with _unless_denied():
                self._cloudwatch.put_metric_data(
                    Namespace=METRICS, MetricData=data[start : start + _MAX_EVENTS]
                )


@contextlib.contextmanager
def _unless_denied() -> Iterator[None]:
    """Ignore AccessDenied in the block: a job goes on without logs and metrics, as on AWS."""
    try:
        yield
    except ClientError as error:
        if "AccessDenied" not in error.response["Error"]["Code"]:
            raise
