"""What changes when requests come more evenly than by chance, as a usage plan's bucket lets them.

Hayward's idea (A. Fredericks, Bell Syst. Tech. J. 59, 1980): arrivals whose count has a variance of
z times its mean are z times a Poisson count. So the path is solved for Poisson arrivals of pieces,
each z of a request: 1/z times as many, that find room for 1/z times as many. A piece keeps a worker
for z of the time, so that work comes as fast as before, and the variance of that time is set so
that the work's variance at an instance is what it was: of requests split at random over N
instances the count varies by 1 + (z - 1) / N.
"""

from dataclasses import dataclass, replace

import numpy as np

from kennel.planner.engines import product_form
from kennel.planner.inputs.distributions import Floats, lognormal_of_mean
from kennel.planner.inputs.settings import Settings

EVEN = 0.97  # z from which arrivals are as good as Poisson's
_LEAST = 0.05  # of z; a perfect pace would be 0
_LEAST_CV = 0.01
_EXACT = 60  # executions from which a fraction of one makes no difference


@dataclass(frozen=True, eq=False)
class Evenness:
    """Variance over mean of the arrivals' count, 1 for Poisson; each of shape (L,).

    Attributes
    ----------
    executions
        Within the time of an execution, which decides what Lambda loses.
    endpoint
        Within that of Lambda's work and an instance's busy period, which decides the waits.
    """

    executions: Floats
    endpoint: Floats


def changed(
    settings: Settings, rates: Floats, instances: int, even: Evenness, lost: Floats
) -> tuple[Floats, Floats]:
    """Return by which factors the share lost and the wait at the endpoint change; shapes (L,).

    Parameters
    ----------
    lost
        The share that Poisson arrivals lose. What is left of a stream so thinned has
        1 + (1 - lost) (z - 1), which is what the endpoint sees.
    """
    fewer, shorter = np.ones(len(rates)), np.ones(len(rates))
    for row in np.flatnonzero(even.endpoint < EVEN):
        rate, all_ = float(rates[row]), max(float(even.executions[row]), _LEAST)
        left = 1 + (1 - float(lost[row])) * (max(float(even.endpoint[row]), _LEAST) - 1)
        plain = _pieces(settings, rate, instances, 1.0)
        calm = _pieces(settings, rate, instances, all_)
        thinned = _pieces(settings, rate, instances, left)
        fewer[row] = min(calm[0] / max(plain[0], 1e-300), 1.0)
        shorter[row] = min(thinned[1] / max(plain[1], 1e-300), 1.0)
    return fewer, shorter


def _pieces(settings: Settings, rate: float, instances: int, z: float) -> tuple[float, float]:
    """Return the share lost and the mean wait at the endpoint."""
    service, workers = settings.service, settings.workers
    through = min(rate, settings.concurrency / (settings.work.mean + service.mean))
    working = min(through * service.mean, instances * workers)
    room = (settings.concurrency - (1 - z) * working) / z
    spread = max((1 + (z - 1) / instances + service.cv**2) / z - 1, _LEAST_CV**2)
    path = replace(
        settings,
        queue=max(round(settings.queue / z), workers),
        service=lognormal_of_mean(z * service.mean, spread**0.5),
    )
    if room > _EXACT:
        return _solved(path, round(room), rate / z, instances)
    low, part = divmod(room, 1)
    below = _solved(path, int(low), rate / z, instances)
    above = _solved(path, int(low) + 1, rate / z, instances) if part else below
    lost = max(below[0], 1e-300) ** (1 - part) * max(above[0], 1e-300) ** part
    return lost, below[1] * (1 - part) + above[1] * part


def _solved(path: Settings, room: int, rate: float, instances: int) -> tuple[float, float]:
    found, seen = product_form.settled(replace(path, reserved=room), np.array([rate]), instances)
    inside = found[0]
    through = rate * (1 - inside[-1])
    taken = through * (1 - seen[0, -1] if path.queue < room else 1)
    waiting = inside @ np.arange(room + 1) - through * path.work.mean - taken * path.service.mean
    return float(inside[-1]), max(float(waiting / taken), 0.0)
