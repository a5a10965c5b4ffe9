"""Few executions: the chain against what is known exactly, and against the product form."""

import numpy as np
import pytest

from kennel.planner.engines import markov_chain, product_form
from kennel.planner.engines.queueing import erlang_b, station
from kennel.planner.inputs.distributions import constant, exponential, lognormal_of_mean
from kennel.planner.inputs.settings import PlanSettings

RATES = np.array([5.0, 20.0, 60.0])


@pytest.mark.parametrize(("instances", "workers"), [(1, 1), (1, 3), (3, 2)])
def test_exponential_times_are_the_product_form(instances: int, workers: int) -> None:
    settings = PlanSettings(
        reserved=6, workers=workers, service=exponential(0.08), work=exponential(0.05)
    )
    inside, found_by_arrivals = markov_chain.steady_state(settings, RATES, instances)
    expected = product_form.steady_state(settings, RATES, instances)
    assert inside == pytest.approx(expected[0], abs=2e-3)
    assert found_by_arrivals == pytest.approx(expected[1], abs=4e-3)


@pytest.mark.parametrize("cv", [0.2, 1.0])
def test_without_a_wait_at_lambda_it_is_m_g_1_with_a_bounded_room(cv: float) -> None:
    service = lognormal_of_mean(0.05, cv)
    settings = PlanSettings(reserved=5, workers=1, service=service, work=constant(0.004))
    inside, _ = markov_chain.steady_state(settings, RATES, 1)
    assert inside == pytest.approx(station(RATES, service, 1, 5), abs=0.02)


def test_a_worker_for_each_execution_leaves_erlang_s_loss() -> None:
    settings = PlanSettings(reserved=4, workers=4, service=constant(0.1), work=exponential(0.1))
    inside, _ = markov_chain.steady_state(settings, RATES, 1)
    assert inside[:, -1] == pytest.approx(erlang_b(np.full(3, 4.0), RATES * 0.2), rel=0.01)


def test_a_full_queue_refuses() -> None:
    settings = PlanSettings(
        reserved=6, workers=1, queue=2, service=constant(0.2), work=exponential(0.02)
    )
    inside, found_by_arrivals = markov_chain.steady_state(settings, RATES, 1)
    carried = RATES * (1 - inside[:, -1])
    accepted = carried * (1 - found_by_arrivals[:, 2])
    assert found_by_arrivals.shape == (3, 3)
    assert accepted[-1] == pytest.approx(5, rel=0.02)  # one worker of 0.2 s, always busy


def test_only_few_executions_make_a_chain() -> None:
    assert markov_chain.is_small(PlanSettings(reserved=5), 1)
    assert markov_chain.is_small(PlanSettings(reserved=12), 3)
    assert not markov_chain.is_small(PlanSettings(reserved=30), 3)
    assert not markov_chain.is_small(PlanSettings(reserved=5, work=constant(1e-4)), 1)
