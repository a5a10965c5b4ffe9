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


def test_the_kept_epoch_has_a_ring_on_the_curve_of_valid() -> None:
    history = [
        {"epoch": epoch, "valid_loss": loss, "valid_top1": loss}
        for epoch, loss in enumerate((0.5, 0.25, float("nan"), 0.75), start=1)
    ]
    titles = []
    for metric in ("loss", "top1"):
        plot = plots.curves(history, metric, 2)
        assert plot is not None and plot.kept is not None
        assert [line.split for line in plot.lines] == ["valid"]
        titles.append(plot.kept.title)
    assert titles == ["kept: epoch 2, valid 0.25", "kept: epoch 2, valid 25.0\u00a0%"]
    unmeasured = plots.curves(history, "loss", 3)
    assert unmeasured is not None and unmeasured.kept is None


@pytest.mark.parametrize("share", [1.0, 0.995, 0.6, 0.0])
def test_no_axis_of_a_share_goes_beyond_what_a_share_can_be(share: float) -> None:
    history = [{"epoch": n, "train_top1": share, "valid_top1": share} for n in (1, 2)]
    plot = plots.curves(history, "top1", 2)
    assert plot is not None
    low, high = plot.frame.y
    assert 0 <= low < high <= 1
    assert low <= share <= high
    for line in plot.lines:  # each label lies within the picture, and none over the other
        assert 12 <= line.label_y + 4 <= plot.frame.height
    assert abs(plot.lines[0].label_y - plot.lines[1].label_y) >= 15


def test_nothing_recorded_is_no_plot() -> None:
    assert plots.curves([{"epoch": 1, "train_loss": None}], "loss", 1) is None
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
