"""Traffic over time: what is expected, and the counts drawn from it that both engines see."""

import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from kennel.planner.errors import BadPlan
from kennel.planner.inputs.settings import BIN_S, MINUTE

Counts = NDArray[np.int64]

DAY = 86_400
_LONGEST = 400 * DAY
_LENGTHS = {"s": 1, "m": 60, "h": 3600, "d": DAY}


@dataclass(frozen=True, eq=False)
class Profile:
    """Requests in steps of equal length.

    Attributes
    ----------
    name
        For people.
    step
        Seconds of a step, a multiple of BIN_S.
    requests
        Expected requests in each step; where `counted`, the requests that came.
    start
        Unix seconds of the first step: a day's quota ends at midnight UTC.
    """

    name: str
    step: int
    requests: NDArray[np.float64]
    start: float = 0.0
    counted: bool = False

    @property
    def seconds(self) -> int:
        """How long it lasts."""
        return self.step * len(self.requests)

    @property
    def peak(self) -> float:
        """Most requests a second in any step."""
        return float(self.requests.max()) / self.step

    def draw(self, seed: int) -> Counts:
        """Return requests in each bin of BIN_S seconds.

        A Poisson process is drawn where `requests` are expectations. What was counted is spread
        over its step evenly, and at random within a bin.
        """
        random = np.random.default_rng([seed, 0])
        bins = self.step // BIN_S
        if self.counted:
            return random.multinomial(
                self.requests.astype(np.int64), np.full(bins, 1 / bins)
            ).reshape(-1)
        return random.poisson(np.repeat(self.requests / bins, bins))

    def scaled(self, factor: float) -> "Profile":
        """Return the same course with `factor` times the requests."""
        return Profile(self.name, self.step, self.requests * factor, self.start)

    def part(self, begin: int, seconds: int) -> "Profile":
        """Return `seconds` of it from `begin` seconds on."""
        first, last = begin // self.step, math.ceil((begin + seconds) / self.step)
        start = self.start + first * self.step
        return Profile(self.name, self.step, self.requests[first:last], start, self.counted)


def constant(rate: float, seconds: int) -> Profile:
    """Return `rate` requests a second for `seconds`."""
    return Profile(f"{rate:g} requests/s", 60, np.full(_steps(seconds), rate * 60.0))


def daily(mean: float, seconds: int, swing: float = 0.8) -> Profile:
    """Return a day's curve around `mean` requests a second: least at 3:00, most at 15:00 UTC.

    Parameters
    ----------
    swing
        The peak is 1 + swing times the mean.
    """
    middle = 60.0 * np.arange(_steps(seconds)) + 30.0
    rate = mean * (1 - swing * np.cos(2 * np.pi * (middle - 3 * 3600) / DAY))
    return Profile(f"daily curve around {mean:g} requests/s", 60, rate * 60)


def spike(base: float, times: float, minutes: float, seconds: int) -> Profile:
    """Return `base` requests a second, and `times` as many for `minutes`, from a third on."""
    steps = _steps(seconds)
    requests = np.full(steps, base * 60.0)
    first = steps // 3
    requests[first : first + max(1, round(minutes))] *= times
    name = f"{base:g} requests/s, {times:g} times as many for {minutes:g} minutes"
    return Profile(name, 60, requests)


def parse(text: str, seconds: int) -> Profile:
    """Read "constant:20", "daily:20", "daily:20,swing=0.5" or "spike:10,x8,5m".

    Raises
    ------
    BadPlan
        With the forms that are known.
    """
    number = r"(\d+(?:\.\d+)?(?:e\d+)?)"
    if match := re.fullmatch(rf"constant:{number}", text):
        found = constant(float(match[1]), seconds)
    elif match := re.fullmatch(rf"daily:{number}(?:,swing={number})?", text):
        swing = float(match[2] or 0.8)
        if swing > 1:
            raise BadPlan(f"a swing of {swing:g} would make traffic negative: at most 1")
        found = daily(float(match[1]), seconds, swing)
    elif match := re.fullmatch(rf"spike:{number},x{number},{number}m", text):
        found = spike(float(match[1]), float(match[2]), float(match[3]), seconds)
    else:
        raise BadPlan(
            f"{text!r} is no traffic profile nor a file: write constant:20, daily:20 (the mean "
            "requests a second), spike:10,x8,5m, or the path of a .csv or .json"
        )
    if not found.requests.sum() > 0:
        raise BadPlan(f"the profile {text!r} has no request at all")
    return found


def length(text: str) -> int:
    """Read "30m", "6h", "1d" or "2w" as seconds, whole minutes at least one."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smhdw])", text)
    lengths = {**_LENGTHS, "w": 7 * DAY}
    seconds = float(match[1]) * lengths[match[2]] if match else 0.0
    if not MINUTE <= seconds <= _LONGEST:
        raise BadPlan(f"{text!r} is no length of time: write 30m, 6h, 1d or 2w, 1m to 400d")
    return int(seconds)


def when(unix: float) -> str:
    """Return a time for people."""
    return datetime.fromtimestamp(unix, UTC).strftime("%Y-%m-%d %H:%M")


def _steps(seconds: int) -> int:
    return max(1, round(seconds / 60))
