"""The cheapest settings that keep a promise, as parameters to paste."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from kennel.planner.analysis.slo import Objective
from kennel.planner.analysis.sweep import Try, run
from kennel.planner.engines.analytic import estimate
from kennel.planner.engines.queueing import erlang_b
from kennel.planner.inputs.prices import Prices
from kennel.planner.inputs.settings import BIN_S, PARAMETERS, Settings
from kennel.planner.inputs.traffic import DAY, Profile

_ROOM = 1.25  # limits that cost nothing lie so far above the traffic's own peaks
_BUSY = (0.4, 0.55, 0.7)  # shares of an instance's capacity that scaling may aim at
_MOST_EXECUTIONS = 900  # an account has 1,000, and 100 must stay unreserved


@dataclass(frozen=True)
class Advice:
    """What to set; `best` is None where nothing that was tried keeps the promise."""

    objective: Objective
    best: Settings | None
    sentence: str
    overrides: str
    tried: int


def advise(
    settings: Settings,
    profile: Profile,
    prices: Prices,
    objective: Objective,
    *,
    seed: int = 0,
    done: Callable[[], None] = lambda: None,
) -> Advice:
    """Search settings for `profile`; the instance type stays, since times were measured on it."""
    candidates = _candidates(settings, profile, objective, seed)
    plans = [(each, profile, prices, seed, _changed(settings, each)) for each in candidates]
    tries = run(plans, done)
    for each in sorted(tries, key=lambda each: (each.usd, each.settings.maximum)):
        result = estimate(each.settings, profile, seed)
        if objective.met(result):
            return _found(settings, each, objective, len(tries))
    return _none(tries, objective)


def count(settings: Settings, profile: Profile, objective: Objective, seed: int) -> int:
    """Return how many settings `advise` will try."""
    return len(_candidates(settings, profile, objective, seed))


def _candidates(
    settings: Settings, profile: Profile, objective: Objective, seed: int
) -> list[Settings]:
    counts = profile.draw(seed)
    peak = float(counts.max()) / BIN_S
    minute = float(profile.requests.max()) / profile.step
    rate = math.ceil(peak * _ROOM) + 1
    days = np.add.reduceat(counts, np.arange(0, len(counts), DAY // BIN_S))
    free = replace(
        settings,
        rate=float(rate),
        burst=max(rate, 5),
        quota=math.ceil(float(days.max()) * _ROOM / 1000) * 1000,
    )
    each = settings.workers / settings.service.mean  # requests a second of an instance
    found = [settings]
    executions = _executions(settings, minute, objective)
    needed = max(1, math.ceil(minute / each / max(_BUSY)))
    fewest = sorted({1, 2, *(max(1, round(needed * part)) for part in (0.25, 0.5, 0.75, 1.0))})
    for reserved in executions:
        for minimum in (n for n in fewest if n <= max(needed, 2)):
            for busy in _BUSY:
                most = max(minimum, math.ceil(minute / each / busy))
                target = max(1.0, float(round(60 * each * busy)))
                if settings.metric == "concurrency":
                    target = settings.workers * busy
                found.append(
                    replace(free, reserved=reserved, minimum=minimum, maximum=most, target=target)
                )
                if most == minimum:
                    break  # scaling has nothing to do, whatever its target
    return found


def _executions(settings: Settings, peak: float, objective: Objective) -> list[int]:
    """Return numbers of executions to try, from what just keeps the promise upwards."""
    held = settings.work.mean + settings.service.mean
    may_lose = max((1 - objective.success) / 2, 1e-5)
    servers = np.arange(1.0, _MOST_EXECUTIONS + 1)
    enough = servers[erlang_b(servers, np.full(len(servers), peak * held)) <= may_lose]
    least = int(enough[0]) if len(enough) else _MOST_EXECUTIONS
    # Waits at the endpoint hold executions for longer than their work and service.
    more = {math.ceil(least * factor) for factor in (1, 1.5, 2.5)} | {least + 5}
    return sorted(min(number, _MOST_EXECUTIONS) for number in more)


def _changed(settings: Settings, other: Settings) -> dict[str, str]:
    old, new = settings.overrides(), other.overrides()
    return {name: new[name] for name in PARAMETERS if new[name] != old[name]}


def _found(settings: Settings, best: Try, objective: Objective, tried: int) -> Advice:
    changed = _changed(settings, best.settings)
    figures = (
        f"p99 {1000 * best.p99:.0f} ms, {100 * best.answered:.3f} % answered, "
        f"${best.usd:,.2f} a month"
    )
    if not changed:
        return Advice(objective, best.settings, f"The settings are the cheapest of {tried} that "
                      f"keep {objective.text}: {figures}.", "", tried)  # fmt: skip
    sentence = f"The cheapest of {tried} settings that keep {objective.text}: {figures}."
    lines = " ".join(f"ParameterKey={key},ParameterValue={held}" for key, held in changed.items())
    short = " ".join(f"{key}={held}" for key, held in changed.items())
    return Advice(
        objective,
        best.settings,
        sentence,
        f"sam deploy --parameter-overrides {short}\n\naws cloudformation ... --parameters {lines}",
        tried,
    )


def _none(tries: list[Try], objective: Objective) -> Advice:
    best = max(tries, key=lambda each: (round(each.answered, 4), -each.p99))
    return Advice(
        objective,
        None,
        f"None of {len(tries)} settings keeps {objective.text}. The nearest ({best.told}) has p99 "
        f"{1000 * best.p99:.0f} ms and answers {100 * best.answered:.3f} % for "
        f"${best.usd:,.2f} a month: a faster instance or a longer promise is needed.",
        "",
        len(tries),
    )
