"""Geometry of plots and round values of axes."""

import numpy as np
import pytest

from kennel.planner.output import ticks
from kennel.planner.output.plots import LEFT, RIGHT, WIDTH, Series, over_time, scatter


def test_a_curve_is_broken_where_values_are_missing() -> None:
    values = np.array([1.0, 2.0, np.nan, 3.0])
    plot = over_time("p", [Series("s", values, "good", filled=True)], 40.0, str)
    first, second = plot.curves[0].runs
    assert first.path.startswith(f"{LEFT:.1f},")
    assert second.path.startswith(f"{WIDTH - RIGHT:.1f},")
    assert first.outline.startswith(first.path)


def test_a_long_series_keeps_its_peak() -> None:
    values = np.zeros(8640)
    values[5000] = 7.0
    plot = over_time("p", [Series("s", values, "good")], 86_400.0, lambda value: f"{value:g}")
    assert len(plot.curves[0].runs[0].path.split()) <= 360
    assert float(plot.y_ticks[-1].label) >= 7


def test_ticks_are_round_and_hold_all_values() -> None:
    assert ticks.from_zero(7.3) == [0, 2, 4, 6, 8]
    around = ticks.around([73.0, 95.0])
    assert around[0] <= 73 and around[-1] >= 95
    assert ticks.of_time(3600.0)[:2] == [(0.0, "0:00"), (300.0, "0:05")]
    assert ticks.of_time(14 * 86_400.0)[1] == (172_800.0, "day 2")


def test_the_front_of_a_scatter_plot_runs_through_its_dots() -> None:
    plot = scatter("p", [(1.0, 5.0, "a"), (2.0, 3.0, "b"), (3.0, 6.0, "c")], [0, 1], ("x", "y"))
    assert [dot.css_class for dot in plot.dots] == ["accent", "accent", "soft"]
    x, y = plot.front.split()[0].split(",")
    assert (float(x), float(y)) == pytest.approx((plot.dots[0].x, plot.dots[0].y), abs=0.1)
