"""Corrections for arrivals that a usage plan's token bucket has made smoother than Poisson.

Hayward's approximation (A. Fredericks, Bell Syst. Tech. J. 59, 1980): arrivals of peakedness z,
whose count has a variance of z times its mean, are solved as Poisson arrivals of fragments. A
fragment is z of a request: fragments arrive 1/z times as often, at 1/z times as many executions.
A fragment is served in z of the time, so the utilisation is unchanged, and the variance of that
time is set so that the variance of the work at an instance is unchanged too: of requests split at
random among N instances the count has a peakedness of 1 + (z - 1) / N.
"""

from dataclasses import dataclass, replace

import numpy as np

from kennel.planner.engines import product_form
from kennel.planner.inputs.distributions import Floats, lognormal_of_mean
from kennel.planner.inputs.settings import PlanSettings

_POISSON_FROM = 0.97  # peakedness from which arrivals are taken as Poisson
_MIN_PEAKEDNESS = 0.05
_MIN_CV = 0.01
_ROUNDED_FROM = 60  # executions from which their number is rounded instead of interpolated


@dataclass(frozen=True, eq=False)
class Peakedness:
    """Variance over mean of the count of arrivals, 1 for Poisson; arrays of shape (L,).

    Attributes
    ----------
    executions
        Over the time of an execution, which decides the share lost at Lambda.
    endpoint
        Over the time of Lambda's work and an instance's busy period, which decides the waits.
    """

    executions: Floats
    endpoint: Floats


def correction_factors(
    settings: PlanSettings,
    rates: Floats,
    instances: int,
    peakedness: Peakedness,
    lost: Floats,
) -> tuple[Floats, Floats]:
    """Return the factors by which smooth arrivals change the share lost and the mean wait.

    Parameters
    ----------
    rates : ndarray, shape (L,)
        Arrivals at Lambda, requests a second.
    lost : ndarray, shape (L,)
        The share that Poisson arrivals lose. The loss thins the stream: what reaches the endpoint
        has a peakedness of 1 + (1 - lost) (z - 1).

    Returns
    -------
    tuple of ndarray, each of shape (L,)
        Factors of at most 1 for the share lost at Lambda, and for the mean wait at the endpoint.
    """
    lost_factor, wait_factor = np.ones(len(rates)), np.ones(len(rates))
    for row in np.flatnonzero(peakedness.endpoint < _POISSON_FROM):
        rate = float(rates[row])
        at_lambda = max(float(peakedness.executions[row]), _MIN_PEAKEDNESS)
        at_endpoint = max(float(peakedness.endpoint[row]), _MIN_PEAKEDNESS)
        thinned = 1 + (1 - float(lost[row])) * (at_endpoint - 1)
        poisson_lost, poisson_wait = _loss_and_wait(settings, rate, instances, 1.0)
        smooth_lost, _ = _loss_and_wait(settings, rate, instances, at_lambda)
        _, smooth_wait = _loss_and_wait(settings, rate, instances, thinned)
        lost_factor[row] = min(smooth_lost / max(poisson_lost, 1e-300), 1.0)
        wait_factor[row] = min(smooth_wait / max(poisson_wait, 1e-300), 1.0)
    return lost_factor, wait_factor


def _loss_and_wait(
    settings: PlanSettings, rate: float, instances: int, z: float
) -> tuple[float, float]:
    """Return the share lost and the mean wait at the endpoint for arrivals of peakedness z."""
    service, workers = settings.service, settings.workers
    carried = min(rate, settings.concurrency / (settings.work.mean + service.mean))
    working = min(carried * service.mean, instances * workers)
    executions = (settings.concurrency - (1 - z) * working) / z
    squared_cv = max((1 + (z - 1) / instances + service.cv**2) / z - 1, _MIN_CV**2)
    fragments = replace(
        settings,
        queue=max(round(settings.queue / z), workers),
        service=lognormal_of_mean(z * service.mean, squared_cv**0.5),
    )
    if executions > _ROUNDED_FROM:
        return _solve_poisson(fragments, round(executions), rate / z, instances)
    low, fraction = divmod(executions, 1)
    below = _solve_poisson(fragments, int(low), rate / z, instances)
    above = _solve_poisson(fragments, int(low) + 1, rate / z, instances) if fraction else below
    lost = max(below[0], 1e-300) ** (1 - fraction) * max(above[0], 1e-300) ** fraction
    return lost, below[1] * (1 - fraction) + above[1] * fraction


def _solve_poisson(
    settings: PlanSettings, executions: int, rate: float, instances: int
) -> tuple[float, float]:
    """Return the share lost and the mean wait at the endpoint for Poisson arrivals."""
    inside, found_by_arrivals = product_form.steady_state(
        replace(settings, reserved=executions), np.array([rate]), instances
    )
    lost = float(inside[0, -1])
    carried = rate * (1 - lost)
    accepted = carried * (1 - found_by_arrivals[0, -1] if settings.queue < executions else 1)
    mean_inside = inside[0] @ np.arange(executions + 1)
    waiting = mean_inside - carried * settings.work.mean - accepted * settings.service.mean
    return lost, max(float(waiting / accepted), 0.0)
