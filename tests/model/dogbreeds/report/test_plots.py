from typing import Any

import pytest

from dogbreeds.report import plots
from dogbreeds.report.plots import nice_ticks


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (0.02, 0.0301), (3, 3), (0, 0), (-2e6, 9e6)])
def test_ticks_are_few_and_hold_the_data(low: float, high: float) -> None:
    ticks = nice_ticks(low, high)
    assert ticks[0] <= low
    assert ticks[-1] >= high
    assert 2 <= len(ticks) <= 8


def test_the_best_epoch_is_that_of_the_least_loss_or_the_highest_top1() -> None:
    history = [
        {"epoch": epoch, "valid_loss": loss, "valid_top1": loss}
        for epoch, loss in enumerate((0.5, 0.25, float("nan"), 0.75), start=1)
    ]
    best = {}
    for metric in ("loss", "top1"):
        plot = plots.curves(history, metric)
        assert plot is not None and plot.best is not None
        assert [line.split for line in plot.lines] == ["valid"]
        best[metric] = plot.best.title
    assert best == {
        "loss": "best on valid: epoch 2, 0.25",
        "top1": "best on valid: epoch 4, 75.0\u00a0%",
    }


def test_nothing_recorded_is_no_plot() -> None:
    assert plots.curves([{"epoch": 1, "train_loss": None}], "loss") is None
    assert plots.trials([]) is None


def test_bins_without_photos_have_no_dot() -> None:
    bins: list[dict[str, Any]] = [
        {"photos": 0, "confidence": None, "accuracy": None},
        {"photos": 8, "confidence": 0.5, "accuracy": 0.75},
    ]
    plot = plots.reliability(bins)
    (dot,), ((upper, lower),) = plot.dots, plot.whiskers
    assert upper < dot.y < lower  # y grows downwards
    assert dot.radius == 6
