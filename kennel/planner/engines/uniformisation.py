"""Occupation times of Markov chains up to a random time, by uniformisation (A. Jensen 1953)."""

import math

import numpy as np

from kennel.planner.inputs.distributions import Floats


def occupation_times(rates: Floats, at: Floats, survival: Floats) -> Floats:
    """Return the mean time spent in each state until a random time.

    Parameters
    ----------
    rates : ndarray, shape (L, S, S)
        Transition rates from a state (row) to another, a second, of several chains.
    at, survival : ndarray, shape (T,)
        Times in seconds, and the probability that the random time is later, multiplied by the
        width of the interval around each.

    Returns
    -------
    ndarray, shape (L, S, S)
        Seconds in each state (last axis), by the state that the chain starts in.
    """
    exit_rates = rates.sum(axis=2)
    uniform_rate = np.maximum(exit_rates.max(axis=1), 1e-9)
    identity = np.eye(rates.shape[1])
    stay = (1 - exit_rates / uniform_rate[:, None])[:, :, None] * identity
    jump = rates / uniform_rate[:, None, None] + stay
    most = float(uniform_rate.max() * at[-1])
    events = np.arange(math.ceil(most + 6 * math.sqrt(most)) + 6)
    log_factorials = np.concatenate([[0.0], np.log(events[1:]).cumsum()])
    mean = np.maximum(uniform_rate[:, None] * at, 1e-300)[:, :, None]
    poisson = np.exp(events * np.log(mean) - mean - log_factorials)
    seconds = np.einsum("t,ltn->ln", survival, poisson)  # with each number of events
    state = np.broadcast_to(identity, rates.shape)
    times = np.zeros(rates.shape)
    for number in events:
        times += seconds[:, number, None, None] * state
        state = state @ jump
    return times
