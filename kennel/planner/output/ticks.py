"""Round values at which the axes of a plot are labelled."""

import math
from collections.abc import Sequence

_HOUR = 3600
_DAY = 24 * _HOUR
_TIME_STEPS = (60, 300, 600, 900, 1800, *(n * _HOUR for n in (1, 2, 3, 6, 12)))  # seconds
_MAX_TIME_TICKS = 12


def from_zero(highest: float, about: int = 4) -> list[float]:
    """Return round values from 0 to at least `highest`."""
    rough = highest / about
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough)
    return [round(step * n, 12) for n in range(math.ceil(highest / step - 1e-9) + 1)]


def around(values: Sequence[float]) -> list[float]:
    """Return round values with all `values` between the first and the last."""
    low, high = min(values), max(values)
    margin = max(high - low, 0.1 * high, 1e-9) * 0.1
    ticks = from_zero(high - low + 2 * margin)
    step = ticks[1] - ticks[0]
    first = max(0, math.floor((low - margin) / step))
    last = math.ceil((high + margin) / step)
    return [round(step * n, 12) for n in range(first, last + 1)]


def of_time(seconds: float) -> list[tuple[float, str]]:
    """Return the labelled moments of the time axis."""
    step = next((s for s in _TIME_STEPS if seconds / s <= _MAX_TIME_TICKS), 0)
    if not step:
        step = _DAY * max(1, math.ceil(seconds / _DAY / _MAX_TIME_TICKS))
    ticks = []
    for n in range(int(seconds / step + 1e-9) + 1):
        second = n * step
        if step % _DAY == 0:
            text = f"day {second // _DAY}"
        else:
            text = f"{second // _HOUR}:{second % _HOUR // 60:02d}"
        ticks.append((float(second), text))
    return ticks
