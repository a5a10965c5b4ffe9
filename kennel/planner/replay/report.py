"""Measured against predicted, drawn."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kennel.planner.engines import result as ends
from kennel.planner.engines.result import Result, quantiles
from kennel.planner.inputs.distributions import Floats
from kennel.planner.inputs.settings import BIN_S
from kennel.planner.output.html import Markup, join, tag
from kennel.planner.output.page import page, save
from kennel.planner.output.plots import Line, legend, over_time
from kennel.planner.output.report import milliseconds, percent

_OK = 200


def draw(
    path: Path,
    seen: Sequence[tuple[float, int, float]],
    predicted: Sequence[Result],
    found: dict[str, Any],
) -> None:
    """Write the page that compares a replay with its prediction."""
    bins = predicted[0].endings.shape[1]
    seconds = float(bins * BIN_S)
    came, away = _measured(seen, bins)
    told = np.mean([each.endings[ends.THROTTLED].sum(axis=0) for each in predicted], axis=0) / BIN_S
    throttles = [
        Line("came", came, "soft", steps=True),
        Line("throttled, measured", away, "accent", filled=True, steps=True),
        Line("throttled, predicted", told, "good", steps=True),
    ]
    body = join(
        [
            tag("p", "Kennel · replay", class_="kicker"),
            tag("h1", "Measured against predicted"),
            tag(
                "p",
                f"{found['requests']:,} real requests to the offline cloud: "
                f"{percent(found['throttled'])} throttled, {percent(found['predicted_throttled'])} "
                f"predicted; p95 {milliseconds(found['p95_s'])}, "
                f"{milliseconds(found['predicted_p95_s'])} predicted.",
                class_="lede",
            ),
            _card("Requests a second", throttles, seconds, lambda value: f"{value:,.4g}"),
            _latencies(seen, predicted),
        ]
    )
    save(path, page("Replay", body))


def _card(title: str, lines: list[Line], seconds: float, label: Any) -> Markup:
    return tag(
        "section",
        tag("h2", title),
        legend(lines),
        over_time(lines, seconds, label, title),
        class_="card",
    )


def _measured(seen: Sequence[tuple[float, int, float]], bins: int) -> tuple[Floats, Floats]:
    number = np.minimum([int(at // BIN_S) for at, _, _ in seen], bins - 1)
    away = np.array([status != _OK for _, status, _ in seen], dtype=np.float64)
    return np.bincount(number, minlength=bins) / BIN_S, np.bincount(number, away, bins) / BIN_S


def _latencies(seen: Sequence[tuple[float, int, float]], predicted: Sequence[Result]) -> Markup:
    """Compare quantiles of the answers' latency."""
    took = [seconds for _, status, seconds in seen if status == _OK]
    cells: Floats = np.sum([each.histogram.sum(axis=0) for each in predicted], axis=0)[None, :]
    rows = []
    for share in (0.25, 0.5, 0.75, 0.9, 0.95, 0.99):
        measured, told = float(np.quantile(took, share)), float(quantiles(cells, share)[0])
        values = (milliseconds(measured), milliseconds(told), f"{measured / told:.2f}")
        cell = [tag("td", value, class_="number") for value in values]
        rows.append(tag("tr", tag("th", f"p{round(100 * share)}"), *cell))
    names = [tag("th", name, class_="number") for name in ("measured", "predicted", "ratio")]
    table = tag("table", tag("thead", tag("tr", tag("th"), *names)), tag("tbody", *rows))
    return tag("section", tag("h2", "Latency of answers"), table, class_="card")
