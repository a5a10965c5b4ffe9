"""Few executions: the chain against what is known exactly, and against the product form."""

import numpy as np
import pytest

from kennel.planner.engines import markov_chain, product_form
from kennel.planner.engines.queueing import erlang_b, station
from kennel.planner.engines.uniformisation import stays
from kennel.planner.inputs.distributions import constant, exponential, lognormal_of_mean
from kennel.planner.inputs.settings import Settings

RATES = np.array([5.0, 20.0, 60.0])


@pytest.mark.parametrize(("instances", "workers"), [(1, 1), (1, 3), (3, 2)])
def test_exponential_times_are_the_product_form(instances: int, workers: int) -> None:
    path = Settings(reserved=6, workers=workers, service=exponential(0.08), work=exponential(0.05))
    found, seen = markov_chain.settled(path, RATES, instances)
    inside, met = product_form.settled(path, RATES, instances)
    assert found == pytest.approx(inside, abs=2e-3)
    assert seen == pytest.approx(met, abs=4e-3)


@pytest.mark.parametrize("cv", [0.2, 1.0])
def test_without_a_wait_at_lambda_it_is_m_g_1_with_a_bounded_room(cv: float) -> None:
    service = lognormal_of_mean(0.05, cv)
    path = Settings(reserved=5, workers=1, service=service, work=constant(0.004))
    found, _ = markov_chain.settled(path, RATES, 1)
    assert found == pytest.approx(station(RATES, service, 1, 5), abs=0.02)


def test_a_worker_for_each_execution_leaves_erlang_s_loss() -> None:
    path = Settings(reserved=4, workers=4, service=constant(0.1), work=exponential(0.1))
    found, _ = markov_chain.settled(path, RATES, 1)
    assert found[:, -1] == pytest.approx(erlang_b(np.full(3, 4.0), RATES * 0.2), rel=0.01)


def test_a_full_queue_refuses() -> None:
    path = Settings(reserved=6, workers=1, queue=2, service=constant(0.2), work=exponential(0.02))
    inside, seen = markov_chain.settled(path, RATES, 1)
    through = RATES * (1 - inside[:, -1])
    taken = through * (1 - seen[:, 2])
    assert seen.shape == (3, 3)
    assert taken[-1] == pytest.approx(5, rel=0.02)  # one worker of 0.2 s, always busy


def test_only_few_executions_make_a_chain() -> None:
    assert markov_chain.small(Settings(reserved=5), 1)
    assert markov_chain.small(Settings(reserved=12), 3)
    assert not markov_chain.small(Settings(reserved=30), 3)
    assert not markov_chain.small(Settings(reserved=5, work=constant(1e-4)), 1)


def test_time_in_states_until_a_fixed_time() -> None:
    # From 0 to 1 at 2 a second, for one second: (1 - e^-2) / 2 in 0, the rest in 1.
    at = (np.arange(400) + 0.5) / 400
    found = stays(np.array([[[0.0, 2.0], [0.0, 0.0]]]), at, np.full(400, 1 / 400))[0]
    alone = (1 - np.exp(-2)) / 2
    assert found == pytest.approx(np.array([[alone, 1 - alone], [0, 1]]), abs=1e-4)
