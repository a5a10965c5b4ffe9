"""What a job prints: to CloudWatch Logs as it comes, and searched for its metrics."""

import contextlib
import re
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from kennel.cloud.runtime.store import Json

_MOST_EVENTS = 1000  # a call; the service takes 10,000, and 1 MiB


class LogStream:
    """A log file of this machine that is also a stream of CloudWatch Logs."""

    def __init__(self, logs: Any, group: str, name: str, file: Path) -> None:
        self._logs = logs
        self._group = group
        self._name = name
        self._file = file
        self._position = 0
        self._made = False

    def send(self) -> None:
        """Send the lines that were added since; a role that may not leaves no log, as on AWS."""
        lines = self._new_lines()
        if not lines:
            return
        now = int(time.time() * 1000)
        try:
            self._make()
            for start in range(0, len(lines), _MOST_EVENTS):
                part = lines[start : start + _MOST_EVENTS]
                self._logs.put_log_events(
                    logGroupName=self._group,
                    logStreamName=self._name,
                    logEvents=[{"timestamp": now, "message": line or " "} for line in part],
                )
        except ClientError as error:
            if "AccessDenied" not in error.response["Error"]["Code"]:
                raise

    def _new_lines(self) -> list[str]:
        if not self._file.exists():
            return []
        with self._file.open("rb") as file:
            file.seek(self._position)
            added = file.read()
        whole = added.rfind(b"\n") + 1
        self._position += whole
        return added[:whole].decode(errors="replace").splitlines()

    def _make(self) -> None:
        if self._made:
            return
        with contextlib.suppress(self._logs.exceptions.ResourceAlreadyExistsException):
            self._logs.create_log_group(logGroupName=self._group)
        self._logs.create_log_stream(logGroupName=self._group, logStreamName=self._name)
        self._made = True


class Metrics:
    """Finds a job's metrics in its log with the job's own regular expressions."""

    def __init__(self, definitions: Sequence[Json]) -> None:
        self._patterns = [(each["Name"], re.compile(each["Regex"])) for each in definitions]

    def final(self, files: Iterable[Path], when: float) -> list[Json]:
        """Return the last value of each metric that was printed, as FinalMetricDataList."""
        found = self.values(files)
        return [
            {"MetricName": name, "Value": values[-1], "Timestamp": when}
            for name, values in found.items()
            if values
        ]

    def values(self, files: Iterable[Path]) -> dict[str, list[float]]:
        """Return every value of each metric, in the order in which they were printed."""
        found: dict[str, list[float]] = {name: [] for name, _ in self._patterns}
        for file in files:
            for line in file.read_text(errors="replace").splitlines() if file.exists() else []:
                for name, pattern in self._patterns:
                    if (match := pattern.search(line)) and match.groups():
                        try:
                            found[name].append(float(match[1]))
                        except ValueError:  # the expression caught something that is no number
                            continue
        return found
