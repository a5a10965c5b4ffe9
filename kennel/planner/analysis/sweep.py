"""Many settings at once, in parallel processes."""

import itertools
import multiprocessing
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

from kennel.planner.analysis import costs
from kennel.planner.engines.analytic import estimate
from kennel.planner.errors import BadPlan
from kennel.planner.inputs.prices import Prices
from kennel.planner.inputs.settings import Settings
from kennel.planner.inputs.traffic import Profile

_MOST = 5000  # settings in one sweep
_SLACK = 0.01  # share of answers that a setting may lack against the best, to be compared at all

Plan = tuple[Settings, Profile, Prices, int, Mapping[str, str]]


@dataclass(frozen=True)
class Try:
    """One setting's outcome; `changed` is what differs from the settings swept from."""

    settings: Settings
    changed: Mapping[str, str]
    usd: float
    p99: float
    answered: float
    instance_hours: float

    @property
    def told(self) -> str:
        """The change for people."""
        return " ".join(f"{name}={value}" for name, value in self.changed.items()) or "as it is"


def grid(base: Settings, given: Sequence[str]) -> list[tuple[Settings, dict[str, str]]]:
    """Return every combination of `Parameter=1,2,3` as settings.

    Raises
    ------
    BadPlan
        For a parameter or value that cannot be planned with, or too many combinations.
    """
    axes: dict[str, list[str]] = {}
    for text in given:
        name, sign, values = text.partition("=")
        if not sign or not all(value.strip() for value in values.split(",")):
            raise BadPlan(f"cannot sweep {text!r}: write ReservedConcurrency=5,10,20")
        axes[name.strip()] = [value.strip() for value in values.split(",")]
    combinations = list(itertools.islice(itertools.product(*axes.values()), _MOST + 1))
    if len(combinations) > _MOST:
        raise BadPlan(f"a sweep of more than {_MOST:,} settings: give fewer values")
    found = []
    for chosen in combinations:
        changed = dict(zip(axes, chosen, strict=True))
        settings = base.with_parameters(changed)
        if settings.maximum >= settings.minimum:  # a grid's corners need not all make sense
            found.append((settings.checked(), changed))
    if not found:
        raise BadPlan("no combination of the sweep has MaxInstances of at least MinInstances")
    return found


def run(plans: Iterable[Plan], done: Callable[[], None] = lambda: None) -> list[Try]:
    """Estimate all plans, as many at once as there are processors; in the order given."""
    plans = list(plans)
    workers = min(len(plans), len(os.sched_getaffinity(0)))
    if workers < 2:  # noqa: PLR2004
        found = []
        for plan in plans:
            found.append(_one(plan))
            done()
        return found
    # Forking a process that holds threads (Rich's progress bar) may hang: so new ones.
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
        waiting = [pool.submit(_one, plan) for plan in plans]
        for each in waiting:
            each.add_done_callback(lambda _: done())
        return [each.result() for each in waiting]


def pareto(tries: Sequence[Try]) -> list[int]:
    """Return those that nothing beats on cost and p99, by falling p99.

    A setting that turns many requests away answers the rest quickly: only settings that answer
    about as many as the best are compared.
    """
    most = max(each.answered for each in tries)
    order = sorted(
        (i for i, each in enumerate(tries) if each.answered >= most - _SLACK),
        key=lambda i: (tries[i].usd, tries[i].p99),
    )
    found: list[int] = []
    for index in order:
        if not found or tries[index].p99 < tries[found[-1]].p99:
            found.append(index)
    return found


def _one(plan: Plan) -> Try:
    settings, profile, prices, seed, changed = plan
    result = estimate(settings, profile, seed)
    usd = costs.total(costs.bill(result, prices))
    return Try(
        settings, changed, usd, result.quantile(0.99), result.answered, result.instance_hours
    )
