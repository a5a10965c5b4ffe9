"""Compute the figures of soak.py's load phases, and the memory and files of the processes."""

import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from kennel.planner.replay.load_generator import Response
from process_usage import Sampler, slope, total

OK, REFUSALS = 200, (429, 503)
COLUMNS = (
    *("phase", "sent/s", "200/s", "p50 ms", "p95 ms", "p99 ms", "429", "503", "other"),
    *("processes", "PSS MB", "RSS MB", "files"),
)
PROCESS_COLUMNS = ("process", "PSS MB", "RSS MB", "files", "RSS MB a minute")


@dataclass(frozen=True)
class Phase:
    """The responses of one phase, with its begin and end in seconds since the start."""

    name: str
    load: float
    begin: float
    end: float
    responses: list[Response]

    def p(self, share: float) -> float:
        """Return a quantile of the answers' milliseconds."""
        return p_of([self], share)

    def figures(self, sampler: Sampler) -> dict[str, Any]:
        """Return the phase's figures, by the names of COLUMNS."""
        statuses = Counter(each.status for each in self.responses)
        seconds = self.end - self.begin
        held = sampler.within(self.begin, self.end)
        values = (
            *(self.name, len(self.responses) / seconds, statuses[OK] / seconds),
            *(self.p(0.5), self.p(0.95), self.p(0.99), statuses[429], statuses[503]),
            len(self.responses) - sum(statuses[each] for each in (OK, *REFUSALS)),
            *(round(total(held, lambda u: 1)), round(total(held, lambda u: u.pss))),
            *(round(total(held, lambda u: u.rss)), round(total(held, lambda u: u.files))),
        )
        rounded = (round(each, 1) if isinstance(each, float) else each for each in values)
        return dict(zip(COLUMNS, rounded, strict=True))


def p_of(phases: list[Phase], share: float) -> float:
    """Return a quantile of the milliseconds of all answers of some phases."""
    taken = [r.seconds * 1000 for phase in phases for r in phase.responses if r.status == OK]
    return float(np.quantile(taken, share)) if taken else float("inf")


def wrongly_refused(phases: list[Phase]) -> Counter[str]:
    """Return requests without an answer that got no 429 or 503 with Retry-After, by status."""
    return Counter(
        f"{each.status}{' without Retry-After' if each.status in REFUSALS else ''}"
        for phase in phases
        for each in phase.responses
        if each.status != OK and not (each.status in REFUSALS and each.retry_after.isdigit())
    )


def as_line(cells: Any) -> str:
    """Return a line of a Markdown table."""
    return f"| {' | '.join(map(str, cells))} |"


def memory(sampler: Sampler, begin: float, end: float) -> list[dict[str, Any]]:
    """Return the memory and open files of each process at the start and the end of an interval.

    Processes that did not run for nine tenths of it are left out.
    """
    rows = []
    for (role, _), usages in sorted(sampler.within(begin, end).items()):
        first, last = usages[0], usages[-1]
        if last.at - first.at < 0.9 * (end - begin):
            continue
        values = (
            *(role, [round(first.pss, 1), round(last.pss, 1)]),
            *([round(first.rss, 1), round(last.rss, 1)], [first.files, last.files]),
            round(slope([(each.at, each.rss) for each in usages]), 3),
        )
        rows.append(dict(zip(PROCESS_COLUMNS, values, strict=True)))
    return rows
