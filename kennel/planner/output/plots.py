"""Plots over time as inline SVG; the page's style colours them, so they follow its theme."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from kennel.planner.inputs.distributions import Floats
from kennel.planner.output.html import Markup, join, tag

WIDTH, HEIGHT = 1040, 190
LEFT, RIGHT, TOP, BOTTOM = 62, 18, 12, 26
_POINTS = 360  # of a line; more could not be told apart
_HOUR = 3600
_NOTHING = 1e-9  # rounding; a course so low is one of zeros


@dataclass(frozen=True, eq=False)
class Line:
    """One course in a plot.

    Attributes
    ----------
    values : ndarray, shape (steps,)
        nan where there is none.
    look
        A class of the style sheet.
    filled
        Whether the ground below is shaded.
    steps
        Whether it jumps, as a number of instances does.
    peak
        Whether the most of many values is drawn, or their mean.
    """

    name: str
    values: Floats
    look: str
    filled: bool = False
    steps: bool = False
    peak: bool = True


def over_time(
    lines: Sequence[Line], seconds: float, label: Callable[[float], str], told: str
) -> Markup:
    """Draw courses over `seconds`, from 0 up."""
    thinned = [(line, _thin(line)) for line in lines]
    most = max((float(np.nanmax(v)) for _, v in thinned if np.isfinite(v).any()), default=0.0)
    ticks = _ticks(most if most > _NOTHING else 1.0)
    top = ticks[-1]
    right, floor = WIDTH - RIGHT, HEIGHT - BOTTOM

    def y_of(value: float) -> float:
        return floor - value / top * (floor - TOP)

    parts = []
    for at in ticks:
        parts.append(tag("line", x1=LEFT, x2=right, y1=y_of(at), y2=y_of(at), class_="grid"))
        parts.append(tag("text", label(at), x=LEFT - 8, y=y_of(at) + 4, class_="tick end"))
    for second, text in _moments(seconds):
        x = LEFT + second / seconds * (right - LEFT)
        anchor = "tick" if second == 0 else "tick end" if second > 0.97 * seconds else "tick middle"
        parts.append(tag("text", text, x=x, y=HEIGHT - 7, class_=anchor))
    for line, values in thinned:
        parts += _course(line, values, right, floor, y_of)
    return tag(
        "svg", *parts, viewBox=f"0 0 {WIDTH} {HEIGHT}", class_="plot", role="img", aria_label=told
    )


def legend(lines: Sequence[Line]) -> Markup:
    """Name the courses in their colours."""
    return tag(
        "p",
        *[
            tag("span", tag("i", class_=f"key {line.look}"), line.name, class_="entry")
            for line in lines
        ],
        class_="legend",
    )


def scatter(
    points: Sequence[tuple[float, float, str]],
    best: Sequence[int],
    labels: tuple[str, str],
    told: str,
) -> Markup:
    """Draw points (x, y, what it is), those of `best` strung together."""
    height, left, bottom = 340, 70, 44
    xs, ys = [p[0] for p in points], [p[1] for p in points]
    x_ticks, y_ticks = _around(xs), _around(ys)
    right, floor = WIDTH - RIGHT, height - bottom

    def at(x: float, y: float) -> tuple[float, float]:
        across = left + (x - x_ticks[0]) / (x_ticks[-1] - x_ticks[0]) * (right - left)
        return across, floor - (y - y_ticks[0]) / (y_ticks[-1] - y_ticks[0]) * (floor - TOP)

    parts = []
    for tick in y_ticks:
        y = at(x_ticks[0], tick)[1]
        parts.append(tag("line", x1=left, x2=right, y1=y, y2=y, class_="grid"))
        parts.append(tag("text", f"{tick:g}", x=left - 8, y=y + 4, class_="tick end"))
    for tick in x_ticks:
        x = at(tick, y_ticks[0])[0]
        parts.append(tag("text", f"{tick:,g}", x=x, y=floor + 18, class_="tick middle"))
    parts.append(tag("text", labels[0], x=right, y=height - 6, class_="tick end"))
    parts.append(tag("text", labels[1], x=left + 4, y=TOP + 4, class_="tick"))
    chain = " ".join("{:.1f},{:.1f}".format(*at(*points[i][:2])) for i in best)
    parts.append(tag("polyline", points=chain, class_="line accent"))
    for index, (x, y, name) in enumerate(points):
        across, up = at(x, y)
        look = "dot accent" if index in best else "dot soft"
        parts.append(tag("circle", tag("title", name), cx=across, cy=up, r=4.5, class_=look))
    return tag(
        "svg", *parts, viewBox=f"0 0 {WIDTH} {height}", class_="plot", role="img", aria_label=told
    )


def _course(
    line: Line, values: Floats, right: float, floor: float, y_of: Callable[[float], float]
) -> list[Markup]:
    across = np.linspace(LEFT, right, len(values)) if len(values) > 1 else np.array([LEFT, right])
    if len(values) == 1:
        values = np.repeat(values, 2)
    parts, run = [], []  # type: list[Markup], list[tuple[float, float]]

    def close() -> None:
        if not run:
            return
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in run)
        if line.filled:
            ends = f"{run[-1][0]:.1f},{floor:.1f} {run[0][0]:.1f},{floor:.1f}"
            parts.append(tag("polygon", points=f"{path} {ends}", class_=f"area {line.look}"))
        parts.append(tag("polyline", points=path, class_=f"line {line.look}"))
        run.clear()

    for x, value in zip(across.tolist(), values.tolist(), strict=True):
        if math.isnan(value):
            close()
            continue
        if line.steps and run:
            run.append((x, run[-1][1]))
        run.append((x, y_of(value)))
    close()
    return [join(parts)]


def _thin(line: Line) -> Floats:
    """Bring a course to as many points as can be seen."""
    values = np.asarray(line.values, dtype=np.float64)
    if len(values) <= _POINTS:
        return values
    every = math.ceil(len(values) / _POINTS)
    short = -len(values) % every
    rows = np.append(values, np.full(short, np.nan)).reshape(-1, every)
    empty = np.isnan(rows).all(axis=1)
    safe = np.where(empty[:, None], 0.0, rows)
    found: Floats = np.nanmax(safe, axis=1) if line.peak else np.nanmean(safe, axis=1)
    return np.where(empty, np.nan, found)


def _ticks(most: float, about: int = 4) -> list[float]:
    rough = most / about
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough)
    return [round(step * number, 12) for number in range(math.ceil(most / step - 1e-9) + 1)]


def _around(values: Sequence[float]) -> list[float]:
    """Return ticks that hold all `values` between the first and the last."""
    low, high = min(values), max(values)
    room = max(high - low, 0.1 * high, 1e-9) * 0.1
    ticks = _ticks(high - low + 2 * room)
    step = ticks[1] - ticks[0]
    first = max(0, math.floor((low - room) / step))
    last = math.ceil((high + room) / step)
    return [round(step * number, 12) for number in range(first, last + 1)]


def _moments(seconds: float) -> list[tuple[float, str]]:
    """Return moments to name on the time axis."""
    choices = (60, 300, 600, 900, 1800, _HOUR, 2 * _HOUR, 3 * _HOUR, 6 * _HOUR, 12 * _HOUR)
    day = 24 * _HOUR
    step = next((s for s in choices if seconds / s <= 12), 0)  # noqa: PLR2004
    if not step:
        step = day * max(1, math.ceil(seconds / day / 12))
    found = []
    for number in range(int(seconds / step + 1e-9) + 1):
        second = number * step
        if step % day == 0:
            text = f"day {second // day}"
        else:
            text = f"{second // _HOUR}:{second % _HOUR // 60:02d}"
        found.append((float(second), text))
    return found
