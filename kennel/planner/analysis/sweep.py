"""Sweep: estimates of many settings, in parallel processes."""

import itertools
import multiprocessing
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple

from kennel.planner.analysis import costs
from kennel.planner.engines.analytic import estimate
from kennel.planner.errors import PlanError
from kennel.planner.inputs.prices import Prices
from kennel.planner.inputs.settings import PlanSettings
from kennel.planner.inputs.traffic import Profile

_MAX_TRIALS = 5000
_COMPARABLE = 0.01  # share of answers that a trial may lack against the best to be compared


class TrialRequest(NamedTuple):
    """The inputs of a trial; `changed` names the parameters that differ from the base settings."""

    settings: PlanSettings
    profile: Profile
    prices: Prices
    seed: int
    changed: Mapping[str, str]


@dataclass(frozen=True)
class Trial:
    """The outcome of one setting in a month: USD, p99 in seconds, share answered, 1,000's price."""

    settings: PlanSettings
    changed: Mapping[str, str]
    usd: float
    p99: float
    answered: float
    usd_per_thousand: float

    @property
    def label(self) -> str:
        """The changed parameters as text."""
        return " ".join(f"{name}={value}" for name, value in self.changed.items()) or "as it is"


def grid(
    base: PlanSettings, axes_texts: Sequence[str]
) -> list[tuple[PlanSettings, dict[str, str]]]:
    """Return every combination of texts such as `Parameter=1,2,3` as settings.

    Combinations with MaxInstances below MinInstances are left out.

    Raises
    ------
    PlanError
        For an unknown parameter, a bad value, or too many combinations.
    """
    axes: dict[str, list[str]] = {}
    for text in axes_texts:
        name, sign, values = text.partition("=")
        if not sign or not all(value.strip() for value in values.split(",")):
            raise PlanError(f"cannot sweep {text!r}: write ReservedConcurrency=5,10,20")
        axes[name.strip()] = [value.strip() for value in values.split(",")]
    combinations = list(itertools.islice(itertools.product(*axes.values()), _MAX_TRIALS + 1))
    if len(combinations) > _MAX_TRIALS:
        raise PlanError(f"a sweep of more than {_MAX_TRIALS:,} settings: give fewer values")
    possible = []
    for values_chosen in combinations:
        changed = dict(zip(axes, values_chosen, strict=True))
        settings = base.with_parameters(changed)
        if settings.maximum >= settings.minimum:
            possible.append((settings.checked(), changed))
    if not possible:
        raise PlanError("no combination of the sweep has MaxInstances of at least MinInstances")
    return possible


def run(
    requests: Iterable[TrialRequest], on_done: Callable[[], None] = lambda: None
) -> list[Trial]:
    """Run all trials, as many at once as there are processors; in the order given.

    Parameters
    ----------
    on_done
        Called after each trial.
    """
    requests = list(requests)
    workers = min(len(requests), len(os.sched_getaffinity(0)))
    if workers < 2:  # noqa: PLR2004
        trials = []
        for request in requests:
            trials.append(_run_trial(request))
            on_done()
        return trials
    # Forking a process with threads (Rich's progress bar has one) may hang, so spawn.
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
        futures = [pool.submit(_run_trial, request) for request in requests]
        for future in futures:
            future.add_done_callback(lambda _: on_done())
        return [future.result() for future in futures]


def pareto(trials: Sequence[Trial]) -> list[int]:
    """Return the indices of the Pareto front of cost and p99, by falling p99.

    A setting that turns many requests away answers the rest quickly, so only trials that answer
    about as many requests as the best are compared.
    """
    best = max(trial.answered for trial in trials)
    order = sorted(
        (i for i, trial in enumerate(trials) if trial.answered >= best - _COMPARABLE),
        key=lambda i: (trials[i].usd, trials[i].p99),
    )
    front: list[int] = []
    for index in order:
        if not front or trials[index].p99 < trials[front[-1]].p99:
            front.append(index)
    return front


def _run_trial(request: TrialRequest) -> Trial:
    result = estimate(request.settings, request.profile, request.seed)
    usd = costs.total(costs.bill(result, request.prices))
    month = costs.month(result)
    return Trial(
        request.settings,
        request.changed,
        usd,
        result.quantile(0.99),
        month.answered,
        month.usd_per_thousand(usd),
    )
