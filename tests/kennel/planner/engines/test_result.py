"""Latency quantiles of a histogram."""

import numpy as np
import pytest

from kennel.planner.engines.result import EDGES, Result, quantiles
from kennel.planner.inputs.distributions import Floats
from kennel.planner.inputs.settings import PlanSettings
from kennel.planner.inputs.traffic import constant


def histogram(*seconds: float) -> Floats:
    counts = np.bincount(np.searchsorted(EDGES, seconds), minlength=len(EDGES) + 1)
    return counts.astype(np.float64)[None, :]


def test_a_quantile_is_within_a_cell_of_the_value() -> None:
    cells = histogram(0.1, 0.2, 0.3, 0.4)
    assert quantiles(cells, 0.5)[0] == pytest.approx(0.2, rel=0.03)
    assert quantiles(cells, 1.0)[0] == pytest.approx(0.4, rel=0.03)


def test_a_row_without_answers_has_no_quantile() -> None:
    assert np.isnan(quantiles(np.zeros((1, len(EDGES) + 1)), 0.5)[0])


def test_an_empty_result_has_no_requests() -> None:
    result = Result.empty(PlanSettings(), constant(1, 120), 12)
    assert (result.requests, result.answered, result.instance_hours) == (0, 0, 0)
    assert result.histogram.shape == (2, len(EDGES) + 1)
