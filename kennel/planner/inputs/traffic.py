"""Traffic profiles: expected or counted requests over time, and the counts drawn from them."""

import math
import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kennel.planner.errors import PlanError
from kennel.planner.inputs.settings import BIN_S, MINUTE

Counts = NDArray[np.int64]

DAY = 86_400
_LONGEST = 400 * DAY
MAX_RATE = 1e6  # requests a second; AWS's default for an account is 10,000
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": DAY, "w": 7 * DAY}


@dataclass(frozen=True, eq=False)
class Profile:
    """Requests over time, in steps of equal length.

    Attributes
    ----------
    name
        The title of reports.
    step
        Seconds of a step, a multiple of BIN_S.
    requests : ndarray, shape (steps,)
        Expected requests in each step, or, where `counted`, those that arrived.
    start
        Unix time of the first step; the daily quota is renewed at midnight UTC.
    counted
        Whether `requests` were counted, not expected.
    """

    name: str
    step: int
    requests: NDArray[np.float64]
    start: float = 0.0
    counted: bool = False

    @property
    def seconds(self) -> int:
        """Length of the profile in seconds."""
        return self.step * len(self.requests)

    @property
    def peak(self) -> float:
        """Highest arrival rate of any step, in requests a second."""
        return float(self.requests.max()) / self.step

    def draw(self, seed: int) -> Counts:
        """Draw the requests of each bin of BIN_S seconds; shape (bins,).

        Expected requests give a Poisson process. Counted requests are distributed at random over
        the bins of their step, each bin equally probable.
        """
        random = np.random.default_rng([seed, 0])
        bins = self.step // BIN_S
        if self.counted:
            return random.multinomial(
                self.requests.astype(np.int64), np.full(bins, 1 / bins)
            ).reshape(-1)
        return random.poisson(np.repeat(self.requests / bins, bins))

    def scaled(self, factor: float) -> "Profile":
        """Return the profile with the requests multiplied by `factor`, as expectations."""
        return Profile(self.name, self.step, self.requests * factor, self.start)

    def part(self, begin: int, seconds: int) -> "Profile":
        """Return the part that starts at `begin` and lasts `seconds`, both in seconds."""
        first, last = begin // self.step, math.ceil((begin + seconds) / self.step)
        start = self.start + first * self.step
        return Profile(self.name, self.step, self.requests[first:last], start, self.counted)


def constant(rate: float, seconds: int) -> Profile:
    """Return a profile of `rate` requests a second for `seconds`."""
    return Profile(f"{rate:g} requests/s", 60, np.full(_steps(seconds), rate * 60.0))


def daily(mean: float, seconds: int, swing: float = 0.8) -> Profile:
    """Return a sinusoidal daily curve with its minimum at 3:00 and its maximum at 15:00 UTC.

    Parameters
    ----------
    mean
        Requests a second.
    swing
        Amplitude over mean: the peak is (1 + swing) x mean.
    """
    midpoints = 60.0 * np.arange(_steps(seconds)) + 30.0
    rate = mean * (1 - swing * np.cos(2 * np.pi * (midpoints - 3 * 3600) / DAY))
    return Profile(f"daily curve around {mean:g} requests/s", 60, rate * 60)


def spike(base: float, factor: float, minutes: float, seconds: int) -> Profile:
    """Return `base` requests a second, multiplied by `factor` for `minutes` after a third of it."""
    steps = _steps(seconds)
    requests = np.full(steps, base * 60.0)
    first = steps // 3
    requests[first : first + max(1, round(min(minutes, steps)))] *= factor
    name = f"{base:g} requests/s, {factor:g} times as many for {minutes:g} minutes"
    return Profile(name, 60, requests)


def parse(text: str, seconds: int) -> Profile:
    """Parse "constant:20", "daily:20", "daily:20,swing=0.5" or "spike:10,x8,5m".

    Raises
    ------
    PlanError
        For a text in no known form, or a profile without requests.
    """
    number = r"(\d+(?:\.\d+)?(?:e\d+)?)"  # 1e999 is infinite, and refused for its peak
    if match := re.fullmatch(rf"constant:{number}", text):
        profile = constant(float(match[1]), seconds)
    elif match := re.fullmatch(rf"daily:{number}(?:,swing={number})?", text):
        swing = float(match[2] or 0.8)
        if swing > 1:
            raise PlanError(f"a swing of {swing:g} would make traffic negative: at most 1")
        profile = daily(float(match[1]), seconds, swing)
    elif match := re.fullmatch(rf"spike:{number},x{number},{number}m", text):
        profile = spike(float(match[1]), float(match[2]), float(match[3]), seconds)
    else:
        raise PlanError(
            f"{text!r} is neither a traffic profile nor a file: write constant:20, daily:20 (mean "
            "requests a second), spike:10,x8,5m, or the path of a .csv or .json"
        )
    if not profile.peak <= MAX_RATE:
        raise PlanError(
            f"the profile {text!r} has {profile.peak:g} requests a second at its peak: expected at "
            f"most {MAX_RATE:,.0f}"
        )
    if not profile.requests.sum() > 0:
        raise PlanError(f"the profile {text!r} contains no request: expected a rate above 0")
    return profile


def parse_length(text: str) -> int:
    """Parse "30m", "6h", "1d" or "2w" to seconds.

    Raises
    ------
    PlanError
        For another form, or a length outside 1 minute to 400 days.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smhdw])", text)
    seconds = float(match[1]) * _UNITS[match[2]] if match else 0.0
    if not MINUTE <= seconds <= _LONGEST:
        raise PlanError(f"{text!r} is not a length of time: write 30m, 6h, 1d or 2w, 1m to 400d")
    return int(seconds)


def _steps(seconds: int) -> int:
    return max(1, round(seconds / 60))
