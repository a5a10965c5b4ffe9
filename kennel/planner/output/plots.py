"""Geometry of plots: what the templates draw as SVG. The page's style sheet colours them."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from kennel.planner.inputs.distributions import Floats
from kennel.planner.output import ticks

WIDTH, HEIGHT = 1040, 190
LEFT, RIGHT, TOP, BOTTOM = 62, 18, 12, 26
_SCATTER_HEIGHT, _SCATTER_LEFT, _SCATTER_BOTTOM = 340, 70, 44
_MAX_POINTS = 360  # of a curve; more cannot be seen
_ROUNDING = 1e-9  # a series below it counts as zeros

Point = tuple[float, float]


@dataclass(frozen=True, eq=False)
class Series:
    """A series of values to plot over time.

    Attributes
    ----------
    values : ndarray, shape (steps,)
        nan where there is none.
    css_class
        Its colour in the style sheet.
    filled
        Whether the area below it is shaded.
    steps
        Whether it is a step function, as a number of instances is.
    peak
        Whether values that share a point are drawn as their maximum, or their mean.
    """

    name: str
    values: Floats
    css_class: str
    filled: bool = False
    steps: bool = False
    peak: bool = True


@dataclass(frozen=True)
class Tick:
    """A labelled position on an axis; `anchor` is the label's alignment ("", "middle", "end")."""

    at: float
    label: str
    anchor: str = ""


@dataclass(frozen=True)
class Run:
    """A piece of a curve without gaps: its points, and those of the area below it, for SVG."""

    path: str
    outline: str


@dataclass(frozen=True)
class Curve:
    """A series as it is drawn."""

    name: str
    css_class: str
    filled: bool
    runs: list[Run]


@dataclass(frozen=True)
class TimePlot:
    """A plot of curves over time, from 0 up."""

    title: str
    curves: list[Curve]
    x_ticks: list[Tick]
    y_ticks: list[Tick]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    x_labels_at: int = HEIGHT - 7


@dataclass(frozen=True)
class Dot:
    """A point of a scatter plot."""

    x: float
    y: float
    label: str
    css_class: str


@dataclass(frozen=True)
class ScatterPlot:
    """A scatter plot; `front` holds the points of the line that connects the best dots, for SVG."""

    title: str
    x_title: str
    y_title: str
    dots: list[Dot]
    front: str
    x_ticks: list[Tick]
    y_ticks: list[Tick]
    width: int = WIDTH
    height: int = _SCATTER_HEIGHT
    left: int = _SCATTER_LEFT
    right: int = WIDTH - RIGHT
    x_labels_at: int = _SCATTER_HEIGHT - _SCATTER_BOTTOM + 18
    y_title_at: int = TOP + 4


def over_time(
    title: str, series: Sequence[Series], seconds: float, label: Callable[[float], str]
) -> TimePlot:
    """Return a plot of series over `seconds`; `label` formats the values of the y axis."""
    thinned = [_thin(one) for one in series]
    highest = max((float(np.nanmax(v)) for v in thinned if np.isfinite(v).any()), default=0.0)
    y_values = ticks.from_zero(highest if highest > _ROUNDING else 1.0)
    floor = HEIGHT - BOTTOM

    def y_of(value: float) -> float:
        return floor - value / y_values[-1] * (floor - TOP)

    curves = [
        Curve(one.name, one.css_class, one.filled, _runs(values, one.steps, floor, y_of))
        for one, values in zip(series, thinned, strict=True)
    ]
    x_ticks = []
    for second, text in ticks.of_time(seconds):
        anchor = "" if second == 0 else "end" if second > 0.97 * seconds else "middle"
        x_ticks.append(Tick(LEFT + second / seconds * (WIDTH - RIGHT - LEFT), text, anchor))
    y_ticks = [Tick(y_of(value), label(value), "end") for value in y_values]
    return TimePlot(title, curves, x_ticks, y_ticks)


def scatter(
    title: str,
    points: Sequence[tuple[float, float, str]],
    front: Sequence[int],
    axis_titles: tuple[str, str],
) -> ScatterPlot:
    """Return a scatter plot of points (x, y, label), with those of `front` connected by a line."""
    x_values = ticks.around([point[0] for point in points])
    y_values = ticks.around([point[1] for point in points])
    right, floor = WIDTH - RIGHT, _SCATTER_HEIGHT - _SCATTER_BOTTOM

    def x_of(value: float) -> float:
        share = (value - x_values[0]) / (x_values[-1] - x_values[0])
        return _SCATTER_LEFT + share * (right - _SCATTER_LEFT)

    def y_of(value: float) -> float:
        return floor - (value - y_values[0]) / (y_values[-1] - y_values[0]) * (floor - TOP)

    dots = [
        Dot(x_of(x), y_of(y), label, "accent" if index in front else "soft")
        for index, (x, y, label) in enumerate(points)
    ]
    return ScatterPlot(
        title,
        *axis_titles,
        dots,
        _svg_points([(dots[index].x, dots[index].y) for index in front]),
        [Tick(x_of(value), f"{value:,g}", "middle") for value in x_values],
        [Tick(y_of(value), f"{value:g}", "end") for value in y_values],
    )


def _runs(values: Floats, steps: bool, floor: float, y_of: Callable[[float], float]) -> list[Run]:
    """Return the pieces of a curve between its gaps (nan)."""
    if len(values) == 1:
        values = np.repeat(values, 2)
    runs: list[Run] = []
    points: list[Point] = []

    def close() -> None:
        if points:
            path = _svg_points(points)
            below = _svg_points([(points[-1][0], floor), (points[0][0], floor)])
            runs.append(Run(path, f"{path} {below}"))
            points.clear()

    across = np.linspace(LEFT, WIDTH - RIGHT, len(values))
    for x, value in zip(across.tolist(), values.tolist(), strict=True):
        if math.isnan(value):
            close()
            continue
        if steps and points:
            points.append((x, points[-1][1]))
        points.append((x, y_of(value)))
    close()
    return runs


def _svg_points(points: Sequence[Point]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)


def _thin(series: Series) -> Floats:
    """Reduce a series to as many points as can be seen."""
    values = np.asarray(series.values, dtype=np.float64)
    if len(values) <= _MAX_POINTS:
        return values
    group = math.ceil(len(values) / _MAX_POINTS)
    rows = np.append(values, np.full(-len(values) % group, np.nan)).reshape(-1, group)
    empty = np.isnan(rows).all(axis=1)
    safe = np.where(empty[:, None], 0.0, rows)
    thinned: Floats = np.nanmax(safe, axis=1) if series.peak else np.nanmean(safe, axis=1)
    return np.where(empty, np.nan, thinned)
