"""Markov chains up to a random time: A. Jensen's uniformisation (1953)."""

import math

import numpy as np

from kennel.planner.inputs.distributions import Floats


def stays(rates: Floats, at: Floats, above: Floats) -> Floats:
    """Return the mean time in each state until a random time, by the state that it starts in.

    Parameters
    ----------
    rates : ndarray, shape (L, S, S)
        From a state (row) to another, a second; several chains at once.
    at, above : ndarray, shape (T,)
        Points of time in seconds, and the chance that the random time is later times the width
        around the point.
    """
    out = rates.sum(axis=2)
    highest = np.maximum(out.max(axis=1), 1e-9)
    same = np.eye(rates.shape[1])
    once = rates / highest[:, None, None] + (1 - out / highest[:, None])[:, :, None] * same
    most = float(highest.max() * at[-1])
    events = np.arange(math.ceil(most + 6 * math.sqrt(most)) + 6)
    logs = np.concatenate([[0.0], np.log(events[1:]).cumsum()])
    mean = np.maximum(highest[:, None] * at, 1e-300)[:, :, None]
    chances = np.einsum("t,ltn->ln", above, np.exp(events * np.log(mean) - mean - logs))
    reached = np.broadcast_to(same, rates.shape)
    found = np.zeros(rates.shape)
    for number in events:
        found += chances[:, number, None, None] * reached
        reached = reached @ once
    return found
