"""The token bucket: how evenly it admits requests."""

import numpy as np
import pytest

from kennel.planner.engines.token_bucket import dispersion, rejected_share
from kennel.planner.inputs.distributions import constant


def test_what_a_bucket_lets_through_is_random_at_first_and_even_in_the_long_run() -> None:
    admitted = dispersion(np.array([3.0, 40.0]), 10.0, 5, constant(0.05), 0.02)
    calm, full = admitted.values
    assert calm == pytest.approx(1, abs=0.02)  # hardly a token is ever missing
    assert full[0] > 0.7
    assert full[-1] < 0.1
    assert admitted.at(np.array([0.1, 40.0]), np.array([5.0, 0.0])) == pytest.approx([1, full[0]])


def test_an_overloaded_bucket_admits_its_rate() -> None:
    rejected = rejected_share(np.array([40.0]), 10.0, 5)
    assert 40 * (1 - rejected[0]) == pytest.approx(10, rel=1e-3)
