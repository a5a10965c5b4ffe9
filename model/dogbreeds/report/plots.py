"""The report's plots as inline SVG; the page's style colours them, so they follow its theme."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from dogbreeds.evaluation.metrics import wilson
from dogbreeds.report.html import Markup, join, number, percent, tag


class Frame(NamedTuple):
    """Where a plot's axes lie: the data's ranges and the picture's, in SVG units."""

    x: tuple[float, float]
    y: tuple[float, float]
    width: int = 520
    height: int = 300
    left: int = 52
    right: int = 100
    top: int = 14
    bottom: int = 42

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Return the place of a point of the data."""
        wide, high = (max(b - a, 1e-12) for a, b in (self.x, self.y))
        return (
            self.left + (x - self.x[0]) / wide * (self.width - self.left - self.right),
            self.height
            - self.bottom
            - (y - self.y[0]) / high * (self.height - self.top - self.bottom),
        )


def gauge(share: float, bounds: Sequence[float]) -> Markup:
    """Draw a share on a line from 0 to 1, with its interval."""
    low, high = bounds
    return tag(
        "svg",
        tag("rect", x=0, y=5, width=200, height=4, rx=2, class_="track"),
        tag(
            "rect",
            x=200 * low,
            y=3,
            width=max(200 * (high - low), 1.0),
            height=8,
            rx=4,
            class_="band",
        ),
        tag("circle", cx=200 * share, cy=7, r=4, class_="dot"),
        viewBox="-5 0 210 14",
        class_="gauge",
        aria_hidden="true",
    )


def curves(history: Sequence[Mapping[str, Any]], what: str) -> Markup:
    """Draw `train_{what}` and `valid_{what}` by epoch, and mark the best valid one."""
    share = what != "loss"
    series = {
        split: [
            (float(row["epoch"]), float(row[f"{split}_{what}"]))
            for row in history
            if row.get(f"{split}_{what}") is not None and math.isfinite(row[f"{split}_{what}"])
        ]
        for split in ("train", "valid")
    }
    points = [point for line in series.values() for point in line]
    if not points:
        return tag("p", "Nothing was recorded.", class_="soft")
    ticks = nice_ticks(min(y for _, y in points), max(y for _, y in points))
    epochs = [x for x, _ in points]
    frame = Frame((min(epochs), max(*epochs, epochs[0] + 1)), (ticks[0], ticks[-1]))
    parts = [
        _axes(frame, ticks, whole_ticks(*frame.x), "epoch", percent_ticks if share else number)
    ]
    ends = {split: frame.at(*line[-1]) for split, line in series.items() if line}
    labels = _apart({split: y for split, (_, y) in ends.items()})
    for split, line in series.items():
        if not line:
            continue
        places = " ".join(f"{x:.1f},{y:.1f}" for x, y in (frame.at(*point) for point in line))
        parts.append(tag("polyline", points=places, class_=f"line {split}"))
        last = line[-1][1]
        told = f"{split} {percent(last) if share else number(last)}"
        x, y = ends[split]
        parts.append(tag("circle", cx=x, cy=y, r=3, class_=f"end {split}"))
        parts.append(tag("text", told, x=x + 8, y=labels[split] + 4, class_=f"label {split}"))
    if line := series["valid"]:
        best = (max if share else min)(line, key=lambda point: point[1])
        x, y = frame.at(*best)
        told = (
            f"best on valid: epoch {best[0]:.0f}, {percent(best[1]) if share else number(best[1])}"
        )
        parts.append(tag("circle", tag("title", told), cx=x, cy=y, r=6, class_="best"))
    return _svg(frame, parts, f"{what} by epoch, train and valid")


def trials(losses: Sequence[tuple[int, float]]) -> Markup:
    """Draw the losses of a search by trial, and mark the least."""
    if not losses:
        return tag("p", "No trial came to its end.", class_="soft")
    values = [loss for _, loss in losses]
    ticks = nice_ticks(min(values), max(values))
    last = max(at for at, _ in losses)
    frame = Frame((0.5, last + 0.5), (ticks[0], ticks[-1]), height=260, right=16)
    parts = [_axes(frame, ticks, whole_ticks(1, last), "trial", number)]
    best = min(losses, key=lambda trial: trial[1])
    for trial in losses:
        x, y = frame.at(*trial)
        told = tag("title", f"trial {trial[0]}: {trial[1]:.4f}")
        parts.append(tag("circle", told, cx=x, cy=y, r=4, class_="dot"))
        if trial == best:
            parts.append(tag("circle", cx=x, cy=y, r=8, class_="best"))
    return _svg(frame, parts, "valid loss by trial")


def reliability(bins: Sequence[Mapping[str, Any]]) -> Markup:
    """Draw how often the model was right against how sure it was, with 95 % intervals."""
    frame = Frame((0, 1), (0, 1), width=420, height=380, right=32)
    tenths = [tenth / 5 for tenth in range(6)]
    (x0, y0), (x1, y1) = frame.at(0, 0), frame.at(1, 1)
    parts = [
        _axes(frame, tenths, tenths, "probability the model gave", percent_ticks, percent_ticks),
        tag("line", x1=x0, y1=y0, x2=x1, y2=y1, class_="ideal"),
    ]
    largest = max((int(row["photos"]) for row in bins), default=1)
    middles = []
    for row in bins:
        count, sure, right = int(row["photos"]), row["confidence"], row["accuracy"]
        if not count or sure is None or right is None:
            continue
        low, high = wilson(round(right * count), count)
        (x, y), (_, top), (_, bottom) = (frame.at(sure, at) for at in (right, high, low))
        middles.append(f"{x:.1f},{y:.1f}")
        told = f"{count} photos: said {percent(sure)}, right in {percent(right)}"
        parts.append(tag("line", x1=x, x2=x, y1=top, y2=bottom, class_="whisker"))
        radius = 3 + 3 * math.sqrt(count / largest)
        parts.append(tag("circle", tag("title", told), cx=x, cy=y, r=radius, class_="dot"))
    parts.insert(2, tag("polyline", points=" ".join(middles), class_="line thin"))
    return _svg(frame, parts, "probability given against share right", "square")


def recall_bar(share: float, count: int) -> Markup:
    """Draw one breed's recall with its interval, for a row of the table."""
    low, high = wilson(round(share * count), count)
    return tag(
        "svg",
        tag("rect", x=0, y=3, width=200, height=10, rx=2, class_="track"),
        tag("rect", x=0, y=3, width=200 * share, height=10, rx=2, class_="bar"),
        tag("line", x1=200 * low, x2=200 * high, y1=8, y2=8, class_="whisker"),
        tag("title", f"95 % interval {percent(low)} to {percent(high)}"),
        viewBox="0 0 200 16",
        preserveAspectRatio="none",
        class_="recall",
    )


def difference(value: float, bounds: Sequence[float]) -> Markup:
    """Draw candidate minus live with its interval, beside the line of no difference."""
    low, high = bounds
    reach = max(abs(low), abs(high), abs(value), 0.01) * 1.25
    frame = Frame((-reach, reach), (0, 1), 620, 96, 16, 16, 8, 40)
    (x_low, y), (x_high, _), (x, _) = (frame.at(at, 0.5) for at in (low, high, value))
    (zero, top), (_, base) = frame.at(0, 1), frame.at(0, 0)
    ticks = [at for at in nice_ticks(-reach, reach) if -reach <= at <= reach]
    parts = [
        tag("line", x1=16, x2=604, y1=base, y2=base, class_="grid"),
        *[
            tag("text", _points(at), x=frame.at(at, 0)[0], y=base + 18, class_="tick middle")
            for at in ticks
        ],
        tag("line", x1=zero, x2=zero, y1=top, y2=base, class_="ideal"),
        tag(
            "rect", x=x_low, y=y - 5, width=max(x_high - x_low, 1.0), height=10, rx=5, class_="band"
        ),
        tag("circle", cx=x, cy=y, r=6, class_="dot"),
        tag("text", "◂ live is better", x=16, y=92, class_="axis"),
        tag("text", "candidate is better ▸", x=604, y=92, class_="axis end-anchor"),
    ]
    return _svg(frame, parts, "candidate minus live, with its 95 % interval", "wide")


def nice_ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Return round numbers that hold `low` and `high` between the first and the last."""
    if high - low < 1e-9:  # noqa: PLR2004  # a flat line: give it some room
        low, high = low - 0.5 * max(abs(low), 0.01), high + 0.5 * max(abs(high), 0.01)
    rough = (high - low) / about
    power = 10 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(at * step, 12) for at in range(first, last + 1)]


def whole_ticks(low: float, high: float, about: int = 8) -> list[float]:
    """Return whole numbers from `low` to `high`, not too many."""
    step = max(1, math.ceil((high - low) / about))
    return [float(at) for at in range(math.ceil(low), math.floor(high) + 1, step)]


def percent_ticks(share: float) -> str:
    """Return 0.945 as "94.5 %", 0.9 as "90 %"."""
    return f"{100 * share:.4g}\u00a0%"


def _points(share: float) -> str:
    return "0" if share == 0 else f"{100 * share:+.3g} points"


def _apart(places: dict[str, float], gap: float = 15) -> dict[str, float]:
    """Move labels so that they do not lie on each other."""
    if len(places) < 2:  # noqa: PLR2004
        return places
    (upper, y), (lower, z) = sorted(places.items(), key=lambda place: place[1])
    push = max(0.0, gap - (z - y)) / 2
    return {upper: y - push, lower: z + push}


def _axes(  # noqa: PLR0917  # two of each: their order is that of the words
    frame: Frame, ys: Sequence[float], xs: Sequence[float], name: str, of_y: Any, of_x: Any = number
) -> Markup:
    right, floor = frame.width - frame.right, frame.height - frame.bottom
    parts = []
    for at in ys:
        y = frame.at(frame.x[0], at)[1]
        parts.append(tag("line", x1=frame.left, x2=right, y1=y, y2=y, class_="grid"))
        parts.append(tag("text", of_y(at), x=frame.left - 8, y=y + 4, class_="tick end-anchor"))
    for at in xs:
        x = frame.at(at, frame.y[0])[0]
        parts.append(tag("text", of_x(at), x=x, y=floor + 18, class_="tick middle"))
    parts.append(tag("text", name, x=(frame.left + right) / 2, y=floor + 36, class_="axis middle"))
    return join(parts)


def _svg(frame: Frame, parts: Sequence[Markup], told: str, kind: str = "plot") -> Markup:
    box = f"0 0 {frame.width} {frame.height}"
    return tag("svg", *parts, viewBox=box, class_=kind, role="img", aria_label=told)
