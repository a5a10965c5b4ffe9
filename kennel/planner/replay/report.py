"""HTML report of a replay: measured against predicted."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kennel.planner.engines.result import THROTTLED, Result, quantiles
from kennel.planner.formats import milliseconds, number
from kennel.planner.inputs.distributions import Floats
from kennel.planner.inputs.settings import BIN_S
from kennel.planner.output import page
from kennel.planner.output.plots import Series, TimePlot, over_time
from kennel.planner.replay.comparison import OK, Comparison
from kennel.planner.replay.load_generator import Response

_QUANTILES = (0.25, 0.5, 0.75, 0.9, 0.95, 0.99)


@dataclass(frozen=True)
class LatencyRow:
    """A latency quantile, measured and predicted, as text."""

    quantile: str
    measured: str
    predicted: str
    ratio: str


def write(
    path: Path,
    responses: Sequence[Response],
    predicted: Sequence[Result],
    comparison: Comparison,
) -> None:
    """Write the page that compares a replay with its prediction.

    Raises
    ------
    PlanError
        When it cannot be written.
    """
    page.write(
        path,
        "replay.html",
        comparison=comparison,
        plot=_plot(responses, predicted),
        latency_rows=_latency_rows(responses, predicted),
    )


def _plot(responses: Sequence[Response], predicted: Sequence[Result]) -> TimePlot:
    bins = predicted[0].outcomes.shape[1]
    bin_of = np.minimum([int(r.sent_at // BIN_S) for r in responses], bins - 1)
    refused = np.array([r.status != OK for r in responses], dtype=np.float64)
    predicted_refused = np.mean([r.outcomes[THROTTLED].sum(axis=0) for r in predicted], axis=0)
    series = [
        Series("arrivals", np.bincount(bin_of, minlength=bins) / BIN_S, "soft", steps=True),
        Series(
            "throttled, measured",
            np.bincount(bin_of, refused, bins) / BIN_S,
            "accent",
            filled=True,
            steps=True,
        ),
        Series("throttled, predicted", predicted_refused / BIN_S, "good", steps=True),
    ]
    return over_time("Requests a second", series, float(bins * BIN_S), number)


def _latency_rows(responses: Sequence[Response], predicted: Sequence[Result]) -> list[LatencyRow]:
    """Return quantiles of the answers' latency."""
    measured_seconds = [r.seconds for r in responses if r.status == OK]
    histogram: Floats = np.sum([r.histogram.sum(axis=0) for r in predicted], axis=0)[None, :]
    rows = []
    for share in _QUANTILES:
        measured = float(np.quantile(measured_seconds, share))
        expected = float(quantiles(histogram, share)[0])
        rows.append(
            LatencyRow(
                f"p{round(100 * share)}",
                milliseconds(measured),
                milliseconds(expected),
                f"{measured / expected:.2f}",
            )
        )
    return rows
