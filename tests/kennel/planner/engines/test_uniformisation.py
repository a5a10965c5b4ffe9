"""Occupation times of a chain against a closed formula."""

import numpy as np
import pytest

from kennel.planner.engines.uniformisation import occupation_times


def test_time_in_states_until_a_fixed_time() -> None:
    # From 0 to 1 at 2 a second, for one second: (1 - e^-2) / 2 in 0, the rest in 1.
    at = (np.arange(400) + 0.5) / 400
    rates = np.array([[[0.0, 2.0], [0.0, 0.0]]])
    times = occupation_times(rates, at, np.full(400, 1 / 400))[0]
    in_first = (1 - np.exp(-2)) / 2
    assert times == pytest.approx(np.array([[in_first, 1 - in_first], [0, 1]]), abs=1e-4)
