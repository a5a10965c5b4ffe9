"""Steady state of Lambda and the endpoint together.

An execution is held while it waits for the endpoint, so at most `concurrency` requests are ever at
the endpoint, and a slow endpoint shows as requests refused at Lambda. As a queueing network:
arrivals are lost while `concurrency` are inside; a delay station (Lambda's own work), then one of
N equal stations chosen at random, each with a bounded queue whose overflow leaves. With Poisson
arrivals and exponential service the number inside has the product form

    P(n inside) ~ [Poisson(rate x work) * station^(N convolved)](n),  n <= concurrency

(J. Jackson 1963 for arrivals that depend on the number inside; N. van Dijk, "Queueing Networks and
Product Forms" 1993, for full stations that are jumped over). Only the mean of the work matters;
other service times enter through the station's own distribution at its arrival rate (R. Marie
1979).

Because at most `concurrency` requests are inside, the network forgets its past within
concurrency / throughput seconds: a steady state in each bin is a good model of a day.
"""

from dataclasses import dataclass

import numpy as np

from kennel.planner.engines import markov_chain, pacing, product_form
from kennel.planner.engines.latencies import answer_latencies
from kennel.planner.inputs.distributions import Floats
from kennel.planner.inputs.settings import PlanSettings

_LOWEST_RATE = 1e-6  # requests a second


@dataclass(frozen=True, eq=False)
class SteadyState:
    """Steady states at several arrival rates at Lambda; each array has shape (L,).

    Attributes
    ----------
    rates
        Requests a second.
    lost
        Blocking probability at Lambda: the share lost for want of an execution.
    refused
        Share of executions that find their instance's queue full.
    timed_out
        Share of executions whose call to the endpoint times out.
    inside
        Mean number of executions.
    waiting, working
        Mean numbers of requests that wait, and that are in service, at the endpoint.
    latency
        Mean latency of answers, seconds.
    histogram : shape (L, cells)
        Latency histogram of answers, each row summing to 1; see result.EDGES.
    """

    rates: Floats
    lost: Floats
    refused: Floats
    timed_out: Floats
    inside: Floats
    waiting: Floats
    working: Floats
    latency: Floats
    histogram: Floats


def solve(
    settings: PlanSettings,
    rates: Floats,
    instances: int,
    peakedness: pacing.Peakedness | None = None,
) -> SteadyState:
    """Solve the network at arrival rates `rates` (requests a second).

    Parameters
    ----------
    peakedness
        Of the arrivals; without it they are Poisson.
    """
    rates = np.maximum(np.asarray(rates, dtype=np.float64), _LOWEST_RATE)
    work, service, limit = settings.work.mean, settings.service.mean, settings.concurrency
    small = markov_chain.is_small(settings, instances)
    method = markov_chain.steady_state if small else product_form.steady_state
    inside, found_by_arrivals = method(settings, rates, instances)
    bounded = settings.queue <= limit - 1
    refused = found_by_arrivals[:, settings.queue] if bounded else np.zeros(len(rates))
    lost = inside[:, limit]
    carried = rates * (1 - lost)
    mean_inside = inside @ np.arange(limit + 1)
    accepted = np.maximum(carried * (1 - refused), 1e-12)
    working = accepted * service
    waiting = np.maximum(mean_inside - carried * work - working, 0.0)
    if peakedness is not None:
        lost_factor, wait_factor = pacing.correction_factors(
            settings, rates, instances, peakedness, lost
        )
        lost, waiting = lost * lost_factor, waiting * wait_factor
    growth = (1 - lost) / (1 - inside[:, limit])  # the wait of each stays as it is
    carried, accepted, working = carried * growth, accepted * growth, working * growth
    waiting = waiting * growth
    mean_wait = waiting / accepted
    histogram, timed_out = answer_latencies(settings, found_by_arrivals, mean_wait)
    return SteadyState(
        rates=rates,
        lost=lost,
        refused=refused,
        timed_out=(1 - refused) * timed_out,
        inside=carried * work + waiting + working,
        waiting=waiting,
        working=working,
        latency=work + service + mean_wait,
        histogram=histogram,
    )
