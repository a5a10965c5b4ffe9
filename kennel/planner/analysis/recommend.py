"""Recommendation: the cheapest settings that meet an objective, as parameters to paste."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from kennel.planner.analysis.slo import Objective
from kennel.planner.analysis.sweep import Trial, TrialRequest, run
from kennel.planner.engines.analytic import estimate
from kennel.planner.engines.queueing import erlang_b
from kennel.planner.formats import milliseconds, number, percent
from kennel.planner.inputs.prices import Prices
from kennel.planner.inputs.settings import BIN_S, PARAMETERS, PlanSettings
from kennel.planner.inputs.traffic import DAY, Profile

_HEADROOM = 1.25  # of limits that cost nothing, over the traffic's own peaks
_UTILISATIONS = (0.4, 0.55, 0.7)  # of an instance, that scaling may aim at
_MAX_EXECUTIONS = 900  # an account has 1,000, and 100 must stay unreserved


@dataclass(frozen=True)
class Recommendation:
    """The recommended settings.

    Attributes
    ----------
    best
        None where no setting tried meets the objective.
    sentence
        The recommendation in words.
    overrides
        Commands that set the changed parameters; empty where nothing changes.
    tried
        Number of settings tried.
    """

    objective: Objective
    best: PlanSettings | None
    sentence: str
    overrides: str
    tried: int


def recommend(
    settings: PlanSettings,
    profile: Profile,
    prices: Prices,
    objective: Objective,
    *,
    seed: int = 0,
    on_done: Callable[[], None] = lambda: None,
) -> Recommendation:
    """Search for the cheapest settings that meet the objective.

    The instance type stays as it is, because service times were measured on it.

    Parameters
    ----------
    on_done
        Called after each trial; there are as many as `count_candidates` returns.
    """
    candidates = _candidates(settings, profile, objective, seed)
    trials = run(
        [
            TrialRequest(candidate, profile, prices, seed, _changed(settings, candidate))
            for candidate in candidates
        ],
        on_done,
    )
    for trial in sorted(trials, key=lambda trial: (trial.usd, trial.settings.maximum)):
        if objective.met(estimate(trial.settings, profile, seed)):
            return _recommendation(settings, trial, objective, len(trials))
    return _no_recommendation(trials, objective)


def count_candidates(
    settings: PlanSettings, profile: Profile, objective: Objective, seed: int
) -> int:
    """Return how many settings `recommend` will try."""
    return len(_candidates(settings, profile, objective, seed))


def _candidates(
    settings: PlanSettings, profile: Profile, objective: Objective, seed: int
) -> list[PlanSettings]:
    """Return the settings as they are, and combinations of executions and instances."""
    counts = profile.draw(seed)
    peak_rate = float(profile.requests.max()) / profile.step
    rate_limit = math.ceil(float(counts.max()) / BIN_S * _HEADROOM) + 1
    days = np.add.reduceat(counts, np.arange(0, len(counts), DAY // BIN_S))
    repeats = max(DAY / profile.seconds, 1.0)  # a month repeats a short profile all day
    unlimited = replace(
        settings,
        rate=float(rate_limit),
        burst=max(rate_limit, 5),
        quota=math.ceil(float(days.max()) * repeats * _HEADROOM / 1000) * 1000,
    )
    capacity = settings.workers / settings.service.mean  # of an instance, requests a second
    needed = max(1, math.ceil(peak_rate / capacity / max(_UTILISATIONS)))
    minimums = {1, 2, *(max(1, round(needed * share)) for share in (0.25, 0.5, 0.75, 1.0))}
    candidates = [settings]
    for reserved in _executions(settings, peak_rate, objective):
        for minimum in sorted(n for n in minimums if n <= max(needed, 2)):
            for utilisation in _UTILISATIONS:
                maximum = max(minimum, math.ceil(peak_rate / capacity / utilisation))
                target = max(1.0, float(round(60 * capacity * utilisation)))
                if settings.metric == "concurrency":
                    target = settings.workers * utilisation
                candidates.append(
                    replace(
                        unlimited,
                        reserved=reserved,
                        minimum=minimum,
                        maximum=maximum,
                        target=target,
                    )
                )
                if maximum == minimum:
                    break  # nothing to scale, whatever the target
    return candidates


def _executions(settings: PlanSettings, peak_rate: float, objective: Objective) -> list[int]:
    """Return the reserved concurrencies to try, from the least that can meet the objective."""
    execution_time = settings.work.mean + settings.service.mean
    may_lose = max((1 - objective.success) / 2, 1e-5)
    servers = np.arange(1.0, _MAX_EXECUTIONS + 1)
    load = np.full(len(servers), peak_rate * execution_time)
    enough = servers[erlang_b(servers, load) <= may_lose]
    least = int(enough[0]) if len(enough) else _MAX_EXECUTIONS
    # Waits at the endpoint make executions longer than their work and service.
    numbers = {math.ceil(least * factor) for factor in (1, 1.5, 2.5)} | {least + 5}
    return sorted(min(number, _MAX_EXECUTIONS) for number in numbers)


def _changed(settings: PlanSettings, candidate: PlanSettings) -> dict[str, str]:
    old, new = settings.overrides(), candidate.overrides()
    return {name: new[name] for name in PARAMETERS if new[name] != old[name]}


def _recommendation(
    settings: PlanSettings, best: Trial, objective: Objective, tried: int
) -> Recommendation:
    figures = (
        f"p99 {milliseconds(best.p99)}, {percent(best.answered)} answered, "
        f"${best.usd:,.2f} a month, ${number(best.usd_per_thousand)} for 1,000 answers"
    )
    changed = _changed(settings, best.settings)
    if not changed:
        sentence = (
            f"The settings are the cheapest of {tried} that meet {objective.text}: {figures}."
        )
        return Recommendation(objective, best.settings, sentence, "", tried)
    sentence = f"The cheapest of {tried} settings that meet {objective.text}: {figures}."
    for_sam = " ".join(f"{name}={value}" for name, value in changed.items())
    for_cloudformation = " ".join(
        f"ParameterKey={name},ParameterValue={value}" for name, value in changed.items()
    )
    overrides = (
        f"sam deploy --parameter-overrides {for_sam}\n\n"
        f"aws cloudformation ... --parameters {for_cloudformation}"
    )
    return Recommendation(objective, best.settings, sentence, overrides, tried)


def _no_recommendation(trials: list[Trial], objective: Objective) -> Recommendation:
    nearest = max(trials, key=lambda trial: (round(trial.answered, 4), -trial.p99))
    sentence = (
        f"None of {len(trials)} settings meets {objective.text}. The nearest ({nearest.label}) has "
        f"p99 {milliseconds(nearest.p99)} and answers {percent(nearest.answered)} for "
        f"${nearest.usd:,.2f} a month: use a faster instance type or a weaker objective."
    )
    return Recommendation(objective, None, sentence, "", len(trials))
