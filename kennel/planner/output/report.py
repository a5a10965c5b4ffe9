"""The report: one HTML file with everything in it, no script and no network."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from kennel.planner.analysis import bottlenecks, costs
from kennel.planner.analysis.alternatives import Way
from kennel.planner.analysis.recommend import Advice
from kennel.planner.analysis.sweep import Try, pareto
from kennel.planner.engines import result as ends
from kennel.planner.engines.result import ENDINGS, SLOT_S, Result, quantiles
from kennel.planner.inputs.distributions import Times
from kennel.planner.inputs.prices import Prices
from kennel.planner.inputs.settings import BIN_S, PARAMETERS
from kennel.planner.output.html import Markup, join, tag
from kennel.planner.output.page import page, save
from kennel.planner.output.plots import Line, legend, over_time, scatter

TAILS = (0.5, 0.95, 0.99)  # of the latencies: p50, p95, p99
WORDS = dict(
    zip(
        ENDINGS,
        ("answered", "429: rate or burst", "429: quota of the day", "503: no execution free",
         "503: endpoint's queue full", "504: timed out"),
        strict=True,
    )
)  # fmt: skip
_HOUR = 3600


def write(
    path: Path,
    result: Result,
    prices: Prices,
    advice: Advice | None = None,
    *,
    tries: Sequence[Try] = (),
    ways: Sequence[Way] = (),
) -> None:
    """Write the report to `path`, whole or not at all.

    Raises
    ------
    BadPlan
        When it cannot be written.
    """
    body = join(
        [
            _head(result),
            _tiles(result, prices),
            _card("What it says", _list(bottlenecks.say(result))),
            _advised(advice) if advice else "",
            *_plots(result, prices),
            tag("div", _endings(result), _money(result, prices), class_="two"),
            _other_ways(ways) if ways else "",
            _pareto(tries) if tries else "",
            _settings(result, prices),
        ]
    )
    save(path, page(f"Plan for {result.profile.name}", body))


def _head(result: Result) -> Markup:
    profile, settings = result.profile, result.settings
    return tag(
        "header",
        tag("p", "Kennel · plan", class_="kicker"),
        tag("h1", profile.name),
        tag(
            "p",
            f"{result.requests:,.0f} requests in {_duration(profile.seconds)}, at most "
            f"{profile.peak:,.4g} a second, through {settings.concurrency} executions to "
            f"{settings.minimum} to {settings.maximum} of {settings.instance_type}.",
            class_="lede",
        ),
    )


def _tiles(result: Result, prices: Prices) -> Markup:
    parts = costs.bill(result, prices)
    return tag(
        "div",
        _tile("Answered", percent(result.answered), "of all requests", "accent"),
        _tile("Throttled", percent(result.throttled), "told to come again",
              "bad" if result.throttled > 0.001 else ""),  # noqa: PLR2004
        _tile("p50", milliseconds(result.quantile(0.5)), "of answers"),
        _tile("p95", milliseconds(result.quantile(0.95)), "of answers"),
        _tile("p99", milliseconds(result.quantile(0.99)), "of answers"),
        _tile("A month", f"${costs.total(parts):,.2f}", "30 days of this traffic"),
        class_="tiles",
    )  # fmt: skip


def _tile(name: str, figure: str, below: str, look: str = "") -> Markup:
    return tag(
        "div",
        tag("h2", name),
        tag("p", figure, class_=f"figure {look}".strip()),
        tag("p", below, class_="soft"),
        class_="tile",
    )


def _plots(result: Result, prices: Prices) -> list[Markup]:
    seconds = result.profile.seconds
    rate = 1 / BIN_S
    came = result.endings.sum(axis=0) * rate
    away = result.endings[ends.THROTTLED].sum(axis=0) * rate
    held = result.settings.work.mean + result.settings.service.mean
    fits = min(result.settings.concurrency / held, result.settings.rate)
    capacity = np.minimum(
        result.in_service * result.settings.workers / result.settings.service.mean, fits
    )
    tails = [quantiles(result.histogram, share) for share in TAILS]
    hours = costs.by_hour(result, prices) * _HOUR / BIN_S
    shown: list[tuple[str, list[Line], Callable[[float], str], float]] = [
        ("Traffic and capacity, requests a second",
         [Line("came", came, "accent", filled=True),
          Line("capacity", capacity, "soft", peak=False)],
         _number, seconds),
        ("Turned away, requests a second",
         [Line("usage plan (429)", result.endings[1:3].sum(axis=0) * rate, "warn", filled=True),
          Line("executions and queues (503)", result.endings[3:5].sum(axis=0) * rate, "bad"),
          Line("timed out (504)", result.endings[5] * rate, "soft")], _number, seconds),
        ("Latency of answers",
         [Line("p50", tails[0], "good"), Line("p95", tails[1], "warn"),
          Line("p99", tails[2], "bad")],
         milliseconds, len(result.histogram) * SLOT_S),
        ("Inside", [Line("executions", result.executions, "good"),
                    Line("waiting at the endpoint", result.waiting, "bad")], _number, seconds),
        ("Instances", [Line("paid", result.paid.astype(float), "soft", steps=True),
                       Line("in service", result.in_service.astype(float), "good", filled=True,
                            steps=True)], _number, seconds),
        ("USD an hour", [Line("all parts", hours, "accent", filled=True, peak=False)],
         lambda usd: f"${usd:.3g}", seconds),
    ]  # fmt: skip
    if not away.any() and not result.endings[5].any():
        del shown[1]
    return [
        _card(title, legend(lines), over_time(lines, span, label, title))
        for title, lines, label, span in shown
    ]


def _endings(result: Result) -> Markup:
    counts = result.endings.sum(axis=1)
    rows = [
        (WORDS[name], f"{count:,.0f}", percent(count / result.requests))
        for name, count in zip(ENDINGS, counts, strict=True)
    ]
    return _card("How requests end", _table(("", "requests", "share"), rows))


def _money(result: Result, prices: Prices) -> Markup:
    parts = costs.bill(result, prices)
    rows = [(part.name, _usd(part.usd), part.how) for part in parts]
    rows.append(("sum", _usd(costs.total(parts)), f"prices of {prices.date}, check before quoting"))
    return _card("USD a month", _table(("", "USD", "for"), rows, last=True))


def _other_ways(ways: Sequence[Way]) -> Markup:
    rows = [
        (
            way.name,
            _usd(way.usd),
            percent(way.result.throttled),
            *(milliseconds(way.result.quantile(share)) for share in TAILS),
            way.how,
        )
        for way in ways
    ]
    head = ("", "USD a month", "throttled", "p50", "p95", "p99", "")
    return _card("Ways to run the model", _table(head, rows))


def _advised(advice: Advice) -> Markup:
    return _card(
        f"Recommended for {advice.objective.text}",
        tag("p", advice.sentence),
        tag("pre", advice.overrides) if advice.overrides else "",
    )


def _pareto(tries: Sequence[Try]) -> Markup:
    best = pareto(tries)
    points = [(each.usd, 1000 * each.p99, each.told) for each in tries]
    rows = [
        (tries[i].told, _usd(tries[i].usd), milliseconds(tries[i].p99), percent(tries[i].answered))
        for i in best
    ]
    return _card(
        "Cost against p99",
        tag("p", f"{len(tries)} settings tried; those that nothing beats on both are strung "
                 "together.", class_="soft"),
        scatter(points, best, ("USD a month", "p99, ms"), "cost against p99"),
        _table(("settings", "USD a month", "p99", "answered"), rows),
    )  # fmt: skip


def _settings(result: Result, prices: Prices) -> Markup:
    settings = result.settings
    rows = [(name, str(getattr(settings, held)), "template") for name, held in PARAMETERS.items()]
    rows += [
        ("service time", _times(settings.service),
         f"{settings.workers} workers an instance, {settings.queue} taken in"),
        ("Lambda's own work", _times(settings.work),
         f"{settings.memory_mb} MB"),
        ("cold start", milliseconds(settings.cold_start.mean),
         f"environments are kept {settings.keep_warm:.0f} s"),
        ("an instance starts in", f"{settings.start.quantile(0.5):.0f} s",
         f"p99 {settings.start.quantile(0.99):.0f} s"),
        ("client's repetitions", str(settings.retries), f"after {settings.retry_after:g} s and up "
         "to as long again"),
        ("prices", prices.date, prices.path.name),
    ]  # fmt: skip
    return _card("What was assumed", _table(("", "", ""), rows))


def _times(times: Times) -> str:
    told = f"mean {milliseconds(times.mean)}, cv {times.cv:.2f}"
    return f"{told} ({times.source or 'assumed'})"


def _card(title: str, *content: Markup | str) -> Markup:
    return tag("section", tag("h2", title), *content, class_="card")


def _list(items: Sequence[str]) -> Markup:
    return tag("ul", *[tag("li", item) for item in items], class_="findings")


def _table(
    head: Sequence[str], rows: Sequence[Sequence[str]], last: bool = False
) -> Markup:  # the second column holds numbers
    body = [
        tag(
            "tr",
            tag("th", row[0]),
            *[
                tag("td", cell, class_="number" if i == 0 else None)
                for i, cell in enumerate(row[1:])
            ],
            class_="sum" if last and row is rows[-1] else None,
        )
        for row in rows
    ]
    top = tag(
        "tr", *[tag("th", h, class_="number" if i == 1 else None) for i, h in enumerate(head)]
    )
    return tag("div", tag("table", tag("thead", top), tag("tbody", *body)), class_="scroll")


def percent(share: float) -> str:
    """Return 0.9456 as "94.56 %", and never round to all or nothing."""
    if 0.000001 < share < 0.0001 or 0.9999 < share < 1:  # noqa: PLR2004
        return f"{100 * share:.4f} %"
    return f"{100 * share:.2f} %".replace("100.00", "100").replace("0.00 %", "0 %")


def milliseconds(seconds: float) -> str:
    """Return seconds as people read them."""
    if not np.isfinite(seconds):
        return "none"
    return f"{seconds:.3g} s" if seconds >= 1 else f"{1000 * seconds:.3g} ms"


def _number(value: float) -> str:
    return f"{value:,.4g}"


def _usd(value: float | None) -> str:
    return "missing" if value is None else f"{value:,.2f}"


def _duration(seconds: float) -> str:
    for length, word in ((86_400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= length:
            count = seconds / length
            return f"{count:.3g} {word}{'' if count == 1 else 's'}"
    return f"{seconds:.0f} seconds"
