"""Lambda and the endpoint together, in steady state: the coupling that the planner is about.

An execution holds its place while it waits for the endpoint, so at most `concurrency` requests
are ever at the endpoint, and a slow endpoint turns requests away at Lambda. As a queueing network:
arrivals are lost while `concurrency` are inside; a delay (Lambda's own work), then one of N equal
stations chosen at random (a bounded queue each; who finds it full leaves). With Poisson arrivals
and exponential service the number inside has the product form

    P(n inside) ~ [Poisson(rate x work) * station^(N convolved)](n),  n <= concurrency

(J. Jackson 1963 for arrivals that depend on the number inside; N. van Dijk, "Queueing Networks and
Product Forms" 1993, for full stations that are jumped over). Only means of the work matter; other
service times enter through the station's own distribution at its rate of arrivals (R. Marie 1979).

Because at most `concurrency` requests are inside, the past is forgotten within
concurrency / throughput seconds: steady state in each bin is a good model of the day.
"""

from dataclasses import dataclass

import numpy as np

from kennel.planner.engines import markov_chain, pacing, product_form
from kennel.planner.engines.latencies import latencies
from kennel.planner.inputs.distributions import Floats
from kennel.planner.inputs.settings import Settings


@dataclass(frozen=True, eq=False)
class Steady:
    """Steady states at several rates of arrivals at Lambda; each array has shape (L,).

    Attributes
    ----------
    lost
        Share turned away for want of an execution.
    refused
        Share of executions whose instance takes no more in.
    timed_out
        Share of executions that give up waiting.
    inside
        Mean executions.
    waiting, working
        Mean requests at the endpoint.
    latency
        Mean seconds of an answer.
    histogram : shape (L, cells)
        Of answers, summing to 1; see result.EDGES.
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
    settings: Settings, rates: Floats, instances: int, even: pacing.Evenness | None = None
) -> Steady:
    """Solve the network for arrivals at `rates` (requests a second).

    Parameters
    ----------
    even
        How evenly they come; without it they are a Poisson process.
    """
    rates = np.maximum(np.asarray(rates, dtype=np.float64), 1e-6)
    delay, service, limit = settings.work.mean, settings.service, settings.concurrency
    way = markov_chain if markov_chain.small(settings, instances) else product_form
    inside, seen = way.settled(settings, rates, instances)
    refused = seen[:, settings.queue] if settings.queue <= limit - 1 else np.zeros(len(rates))
    through = rates * (1 - inside[:, limit])
    mean_inside = inside @ np.arange(limit + 1)
    taken = np.maximum(through * (1 - refused), 1e-12)
    working = taken * service.mean
    waiting = np.maximum(mean_inside - through * delay - working, 0.0)
    lost = inside[:, limit]
    if even is not None:
        fewer, shorter = pacing.changed(settings, rates, instances, even, lost)
        lost, waiting = lost * fewer, waiting * shorter
    grown = (1 - lost) / (1 - inside[:, limit])  # more come in, and wait as long
    through, taken, working = through * grown, taken * grown, working * grown
    waiting = waiting * grown
    mean_inside = through * delay + waiting + working
    histogram, timed_out = latencies(settings, seen, waiting / taken)
    latency = delay + service.mean + waiting / taken
    return Steady(
        rates, lost, refused, (1 - refused) * timed_out, mean_inside, waiting, working, latency,
        histogram,
    )  # fmt: skip
