"""Compute the coordinates of the report's plots; `templates/plots.html.j2` draws them as SVG."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from dogbreeds.evaluation.metrics import wilson
from dogbreeds.report.numbers import number, percent, percent_tick, points_tick


class Frame(NamedTuple):
    """The range of the data on both axes, and the picture's size and margins in SVG units."""

    x: tuple[float, float]
    y: tuple[float, float]
    width: int = 520
    height: int = 300
    left: int = 62
    right: int = 118
    top: int = 22
    bottom: int = 42

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Return the SVG coordinates of a point of the data."""
        wide, high = (max(b - a, 1e-12) for a, b in (self.x, self.y))
        return (
            self.left + (x - self.x[0]) / wide * (self.width - self.left - self.right),
            self.height
            - self.bottom
            - (y - self.y[0]) / high * (self.height - self.top - self.bottom),
        )


class Tick(NamedTuple):
    """A label of an axis and its coordinate along that axis."""

    at: float
    label: str


@dataclass(frozen=True)
class Axes:
    """Grid lines, tick labels and the name of the horizontal axis."""

    left: float
    right: float
    floor: float  # y of the horizontal axis
    x_ticks: list[Tick]
    y_ticks: list[Tick]
    name: str


class Dot(NamedTuple):
    """A circle with a tooltip."""

    x: float
    y: float
    title: str
    radius: float = 4


@dataclass(frozen=True)
class Line:
    """One split's curve, with its label behind the last point."""

    split: str
    points: str  # of an SVG polyline
    end: tuple[float, float]
    label: str
    label_y: float


@dataclass(frozen=True)
class Curves:
    """One metric by epoch, for train and valid."""

    metric: str
    frame: Frame
    axes: Axes
    lines: list[Line]
    kept: Dot | None


@dataclass(frozen=True)
class Trials:
    """The valid loss of each finished trial of a search."""

    frame: Frame
    axes: Axes
    dots: list[Dot]
    best: Dot


@dataclass(frozen=True)
class Reliability:
    """Accuracy by confidence, with 95 % intervals and the diagonal of perfect calibration."""

    frame: Frame
    axes: Axes
    diagonal: tuple[tuple[float, float], tuple[float, float]]
    points: str
    dots: list[Dot]
    whiskers: list[tuple[float, float]]  # y of each dot's upper and lower bound


@dataclass(frozen=True)
class Difference:
    """Candidate's top-1 minus the live model's, with its 95 % interval."""

    frame: Frame
    ticks: list[Tick]
    zero: float
    top: float
    floor: float
    low: float
    high: float
    value: tuple[float, float]


def curves(history: Sequence[Mapping[str, Any]], metric: str, kept: int) -> Curves | None:
    """Plot `train_{metric}` and `valid_{metric}` by epoch; None where nothing was recorded.

    Parameters
    ----------
    metric : str
        "loss" or "top1".
    kept : int
        The epoch whose weights were kept, which gets a ring.
    """
    is_share = metric != "loss"
    printed: Callable[[float], str] = percent if is_share else number
    series = {
        split: [
            (float(row["epoch"]), float(row[f"{split}_{metric}"]))
            for row in history
            if row.get(f"{split}_{metric}") is not None and math.isfinite(row[f"{split}_{metric}"])
        ]
        for split in ("train", "valid")
    }
    points = [point for line in series.values() for point in line]
    if not points:
        return None
    lowest, highest = min(y for _, y in points), max(y for _, y in points)
    if is_share:  # a flat line gets room, but no share lies above 1
        lowest, highest = max(min(lowest, highest - 0.05), 0.0), max(highest, 0.05)
    ticks = nice_ticks(lowest, highest)
    epochs = [x for x, _ in points]
    frame = Frame((min(epochs), max(*epochs, epochs[0] + 1)), (ticks[0], ticks[-1]))
    ends = {split: frame.at(*line[-1]) for split, line in series.items() if line}
    label_ys = _apart({split: y for split, (_, y) in ends.items()})
    lines = [
        Line(
            split,
            _polyline(frame.at(*point) for point in series[split]),
            end,
            f"{split} {printed(series[split][-1][1])}",
            label_ys[split],
        )
        for split, end in ends.items()
    ]
    ring = None
    if (value := dict(series["valid"]).get(kept)) is not None:
        ring = Dot(*frame.at(kept, value), f"kept: epoch {kept}, valid {printed(value)}")
    y_format = percent_tick if is_share else number
    axes = _axes(frame, ticks, whole_ticks(*frame.x), "epoch", y_format)
    return Curves(metric, frame, axes, lines, ring)


def trials(losses: Sequence[tuple[int, float]]) -> Trials | None:
    """Plot the losses of a search by trial, and mark the least; None where no trial finished."""
    if not losses:
        return None
    values = [loss for _, loss in losses]
    ticks = nice_ticks(min(values), max(values))
    last = max(trial for trial, _ in losses)
    frame = Frame((0.5, last + 0.5), (ticks[0], ticks[-1]), height=260, right=16)
    dots = [
        Dot(*frame.at(trial, loss), f"trial {trial}: {loss:.4f}", radius=4)
        for trial, loss in losses
    ]
    axes = _axes(frame, ticks, whole_ticks(1, last), "trial", number)
    return Trials(frame, axes, dots, dots[values.index(min(values))])


def reliability(bins: Sequence[Mapping[str, Any]]) -> Reliability:
    """Plot accuracy against confidence, bin by bin; the area of a dot grows with its photos."""
    frame = Frame((0, 1), (0, 1), width=420, height=380, right=32)
    ticks = [fifth / 5 for fifth in range(6)]
    largest = max((int(row["photos"]) for row in bins), default=1)
    dots, whiskers = [], []
    for row in bins:
        count, confidence, accuracy = int(row["photos"]), row["confidence"], row["accuracy"]
        if not count or confidence is None or accuracy is None:
            continue
        low, high = wilson(round(accuracy * count), count)
        x, y = frame.at(confidence, accuracy)
        title = f"{count} photos: said {percent(confidence)}, right in {percent(accuracy)}"
        dots.append(Dot(x, y, title, 3 + 3 * math.sqrt(count / largest)))
        whiskers.append((frame.at(confidence, high)[1], frame.at(confidence, low)[1]))
    axes = _axes(frame, ticks, ticks, "probability the model gave", percent_tick, percent_tick)
    points = _polyline((dot.x, dot.y) for dot in dots)
    return Reliability(frame, axes, (frame.at(0, 0), frame.at(1, 1)), points, dots, whiskers)


def difference(value: float, bounds: Sequence[float]) -> Difference:
    """Plot candidate minus live with its interval, beside the line of no difference."""
    low, high = bounds
    reach = max(abs(low), abs(high), abs(value), 0.01) * 1.25
    frame = Frame((-reach, reach), (0, 1), 620, 96, 16, 16, 8, 40)
    (zero, top), (_, floor) = frame.at(0, 1), frame.at(0, 0)
    return Difference(
        frame=frame,
        ticks=[
            Tick(frame.at(tick, 0)[0], points_tick(tick))
            for tick in nice_ticks(-reach, reach)
            if -reach <= tick <= reach
        ],
        zero=zero,
        top=top,
        floor=floor,
        low=frame.at(low, 0.5)[0],
        high=frame.at(high, 0.5)[0],
        value=frame.at(value, 0.5),
    )


def nice_ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Return round numbers, the first at most `low` and the last at least `high`."""
    if high - low < 1e-9:  # noqa: PLR2004  # a flat line: give it some room
        low, high = low - 0.5 * max(abs(low), 0.01), high + 0.5 * max(abs(high), 0.01)
    rough = (high - low) / about
    power = 10 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(multiple * step, 12) for multiple in range(first, last + 1)]


def whole_ticks(low: float, high: float, about: int = 8) -> list[float]:
    """Return whole numbers from `low` to `high`, about `about` of them."""
    step = max(1, math.ceil((high - low) / about))
    return [float(tick) for tick in range(math.ceil(low), math.floor(high) + 1, step)]


def _apart(ys: dict[str, float], gap: float = 17) -> dict[str, float]:
    """Move two labels apart vertically so that they do not overlap."""
    if len(ys) < 2:  # noqa: PLR2004
        return ys
    (upper, y), (lower, z) = sorted(ys.items(), key=lambda label: label[1])
    push = max(0.0, gap - (z - y)) / 2
    return {upper: y - push, lower: z + push}


def _axes(  # noqa: PLR0917  # ticks and formats of both axes
    frame: Frame,
    ys: Sequence[float],
    xs: Sequence[float],
    name: str,
    y_format: Callable[[float], str],
    x_format: Callable[[float], str] = number,
) -> Axes:
    return Axes(
        left=frame.left,
        right=frame.width - frame.right,
        floor=frame.height - frame.bottom,
        x_ticks=[Tick(frame.at(x, frame.y[0])[0], x_format(x)) for x in xs],
        y_ticks=[Tick(frame.at(frame.x[0], y)[1], y_format(y)) for y in ys],
        name=name,
    )


def _polyline(points: Any) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
