"""Sample the memory and file descriptors of a process and all processes below it, on Linux."""

import re
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kennel.cloud.runtime.processes import descendants

_PSS = re.compile(r"^Pss:\s*(\d+) kB$", re.MULTILINE)
_RSS = re.compile(r"^Rss:\s*(\d+) kB$", re.MULTILINE)
#: A word in the command line -> what a process is called. The emulator comes before the function,
#: which its command line names, too.
_ROLES = {
    "kennel.cli": "gateway",
    "moto_backend.app": "moto",
    "model/server.py": "model server",
    "dogbreeds.serving.worker": "model worker",
    "aws-lambda-rie": "Lambda emulator",
    "awslambdaric": "Lambda function",
}


@dataclass(frozen=True)
class Usage:
    """What a process holds at a moment: seconds since the start, MB, open file descriptors."""

    at: float
    pss: float
    rss: float
    files: int


def usage_of(pid: int, at: float) -> Usage | None:
    """Return what a process holds; None for one that has ended."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
        files = sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return None
    pss, rss = _PSS.search(text), _RSS.search(text)
    return Usage(at, int(pss[1]) / 1024, int(rss[1]) / 1024, files) if pss and rss else None


def role_of(pid: int) -> str:
    """Return what a process is called: its role, and for a function its handler."""
    try:
        command = Path(f"/proc/{pid}/cmdline").read_text().split("\0")[:-1]
    except OSError:
        return "ended"
    for word, role in _ROLES.items():
        if any(word in each for each in command):
            return f"{role} {command[-1]}" if role.startswith("Lambda") else role
    return Path(command[0]).name if command else "ended"


class Sampler:
    """Samples a process and those below it every few seconds, in a thread.

    Attributes
    ----------
    usages
        By process: name and id.
    """

    def __init__(self, pid: int, seconds: float, started: float) -> None:
        self._pid, self._seconds, self._started = pid, seconds, started
        self.usages: dict[tuple[str, int], list[Usage]] = defaultdict(list)
        self._roles: dict[int, str] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def stop(self) -> None:
        """Take no more samples."""
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ended.wait(self._seconds):
            self.sample()

    def sample(self) -> None:
        """Sample every process once."""
        at = time.perf_counter() - self._started
        for pid in (self._pid, *descendants(self._pid)):
            if usage := usage_of(pid, at):
                role = self._roles.setdefault(pid, role_of(pid))
                self.usages[role, pid].append(usage)

    def within(self, begin: float, end: float) -> dict[tuple[str, int], list[Usage]]:
        """Return the samples of a span of time, by process."""
        samples = {
            process: [each for each in usages if begin <= each.at <= end]
            for process, usages in tuple(self.usages.items())
        }
        return {process: usages for process, usages in samples.items() if usages}


def total(usages: dict[tuple[str, int], list[Usage]], value: Callable[[Usage], float]) -> float:
    """Return the highest sum over all processes at a moment."""
    sums: dict[float, float] = defaultdict(float)
    for each in usages.values():
        for usage in each:
            sums[usage.at] += value(usage)
    return max(sums.values(), default=0.0)


def slope(points: list[tuple[float, float]]) -> float:
    """Return the rise a minute of (seconds, value) by least squares."""
    if len(points) < 3:  # a line fits two in any case
        return 0.0
    seconds, values = np.array(points).T
    return float(np.polyfit(seconds, values, 1)[0] * 60)
