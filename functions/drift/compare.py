"""Compare a window of answers with a baseline, to detect drift of the photos or predictions.

    fact          measured by                   two-sample test
    no dog        PSI of dog, no dog            Fisher's exact test
    breed mix     PSI of the breeds answered    chi-square
    confidence    PSI of the baseline's tenths  Kolmogorov-Smirnov

The last two are of the answers with a dog. PSI, the population stability index, is the sum of
(q - p) ln(q / p) over the categories, of which the baseline has the share p and the window q. A
fact has drifted where the change is both large, by its PSI, and no chance, by its test.
"""

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import NamedTuple

__all__ = ["WINDOW", "Answer", "BadBaseline", "Baseline", "Drift", "drifts"]

WINDOW = 300  # answers
#: From here on it is usually called a moderate change, from 0.25 on a large one.
_LEAST_PSI = 0.1
#: Shares of windows without drift that alarm; most by confidence, which dark photos change little.
_FALSE_ALARMS = {"no dog": 0.0015, "breed mix": 0.0015, "confidence": 0.003}
_LEAST_EXPECTED = 5.0  # in a category, by chance alone, for the chi-square test
_DIGITS = 4  # of a confidence


class Answer(NamedTuple):
    """What counts of an answer."""

    breed: str | None  # the most probable one; None: no dog
    confidence: float  # its probability


class BadBaseline(ValueError):  # noqa: N818
    """A baseline cannot be used; the message says why."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """The answers that are expected: `drift` in a package's card."""

    no_dog: int  # answers
    breeds: Mapping[str, int]  # answers with a dog, by the first breed
    confidence: tuple[float, ...]  # percentiles 1 to 99, of the answers with a dog

    @classmethod
    def of_card(cls, values: object) -> "Baseline | None":
        """Return the baseline in a card; None if the card has none.

        Raises
        ------
        BadBaseline
            It is not what `dogbreeds.package.drift` writes.
        """
        if not values:
            return None
        try:
            read = cls(
                int(values["no_dog"]),  # type: ignore[index]
                {str(breed): int(n) for breed, n in values["breeds"].items()},  # type: ignore[index]
                tuple(float(value) for value in values["confidence"]),  # type: ignore[index]
            )
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise BadBaseline(f"drift in card.json is no baseline: {error!r}.") from error
        counts = [read.no_dog, *read.breeds.values()]
        increases = list(read.confidence) == sorted(read.confidence)
        if not read.confidence or not increases or min(counts) < 0 or not read.dogs:
            raise BadBaseline("drift in card.json is no baseline: no counts and percentiles.")
        return read

    @property
    def dogs(self) -> int:
        """Number of answers with a dog."""
        return sum(self.breeds.values())


@dataclass(frozen=True, slots=True)
class Drift:
    """A fact that has drifted."""

    fact: str  # "no dog", "breed mix" or "confidence"
    psi: float
    p: float  # of the test: how probable so large a change is by chance
    change: str  # the largest one, in words


def drifts(baseline: Baseline, window: Sequence[Answer]) -> list[Drift]:
    """Return the facts of a window of answers that have drifted."""
    dogs = [answer for answer in window if answer.breed is not None]
    measured = [_no_dog(baseline, len(window) - len(dogs), len(dogs))]
    if dogs:
        measured.append(_breed_mix(baseline, Counter(str(answer.breed) for answer in dogs)))
        measured.append(_confidence(baseline, [answer.confidence for answer in dogs]))
    return [
        each for each in measured if each.psi >= _LEAST_PSI and each.p < _FALSE_ALARMS[each.fact]
    ]


def _no_dog(baseline: Baseline, no_dog: int, dogs: int) -> Drift:
    before, now = (baseline.no_dog, baseline.dogs), (no_dog, dogs)
    p = _fisher(before, now)
    shares = before[0] / sum(before), now[0] / sum(now)
    words = f"no dog in {shares[0]:.1%} of the answers, now in {shares[1]:.1%}"
    return Drift("no dog", _psi(before, now), p, words)


def _breed_mix(baseline: Baseline, breeds: Counter[str]) -> Drift:
    groups = _groups(baseline.breeds, breeds)
    before = [sum(baseline.breeds.get(breed, 0) for breed in group) for group in groups]
    now = [sum(breeds[breed] for breed in group) for group in groups]
    dogs = sum(now)

    def shares(breed: str) -> tuple[float, float]:
        return baseline.breeds.get(breed, 0) / baseline.dogs, breeds[breed] / dogs

    def change(breed: str) -> float:
        share_before, share_now = shares(breed)
        return abs(share_now - share_before)

    largest = max(sorted({*baseline.breeds, *breeds}), key=change)
    share_before, share_now = shares(largest)
    words = f"{largest} was {share_before:.1%} of the dogs, now {share_now:.1%}"
    return Drift("breed mix", _psi(before, now), _chi_square(before, now), words)


def _confidence(baseline: Baseline, values: Sequence[float]) -> Drift:
    ordered = sorted(round(value, _DIGITS) for value in values)
    known = [round(value, _DIGITS) for value in baseline.confidence]
    step = 1 / (len(known) + 1)
    # Shares of answers up to a percentile; of equal percentiles the last one counts.
    before = {value: step * (i + 1) for i, value in enumerate(known)}
    now = {value: bisect_right(ordered, value) / len(ordered) for value in before}
    tenths = sorted({known[len(known) * i // 10] for i in range(1, 10)})
    psi = _psi(
        [baseline.dogs * share for share in _between([before[value] for value in tenths])],
        [len(ordered) * share for share in _between([now[value] for value in tenths])],
    )
    medians = known[len(known) // 2], ordered[len(ordered) // 2]
    words = f"half of the dogs had {medians[0]:.2f} or less, now {medians[1]:.2f}"
    distance = max(abs(now[value] - before[value]) for value in before)
    p = _kolmogorov(distance, baseline.dogs, len(ordered))
    return Drift("confidence", psi, p, words)


def _groups(before: Mapping[str, int], now: Mapping[str, int]) -> list[list[str]]:
    """Join the breeds that are too rare for the chi-square test with the next rarer ones."""
    dogs = sum(now.values())
    both = sum(before.values()) + dogs
    smaller = min(dogs, both - dogs) / both
    count = {breed: before.get(breed, 0) + now.get(breed, 0) for breed in {*before, *now}}
    groups: list[list[str]] = []
    expected = _LEAST_EXPECTED
    for breed in sorted(count, key=lambda breed: (-count[breed], breed)):
        if expected >= _LEAST_EXPECTED:
            groups.append([])
            expected = 0.0
        groups[-1].append(breed)
        expected += smaller * count[breed]
    if expected < _LEAST_EXPECTED and len(groups) > 1:
        rest = groups.pop()
        groups[-1] += rest
    return groups


def _between(shares: Sequence[float]) -> list[float]:
    """Return the shares between edges, from the shares up to each edge."""
    return [high - low for low, high in zip([0.0, *shares], [*shares, 1.0], strict=True)]


def _psi(before: Sequence[float], now: Sequence[float]) -> float:
    """Return the population stability index of two lists of counts; half an answer fills a gap."""

    def shares(counts: Sequence[float]) -> list[float]:
        whole = sum(counts) + len(counts) / 2
        return [(count + 0.5) / whole for count in counts]

    pairs = zip(shares(before), shares(now), strict=True)
    return sum((q - p) * math.log(q / p) for p, q in pairs)


def _fisher(before: tuple[int, int], now: tuple[int, int]) -> float:
    """Return the p-value of Fisher's exact test: twice that of the nearer side."""
    first, others, drawn = before[0] + now[0], before[1] + now[1], sum(now)
    least, most = max(0, drawn - others), min(first, drawn)
    whole = _log_ways(first + others, drawn)

    def probability(counts: range) -> float:
        ways = (_log_ways(first, k) + _log_ways(others, drawn - k) for k in counts)
        return sum(math.exp(each - whole) for each in ways)

    sides = range(least, now[0] + 1), range(now[0], most + 1)
    return min(1.0, 2 * min(probability(side) for side in sides))


def _log_ways(all_of: int, chosen: int) -> float:
    """Return the logarithm of the number of ways to choose."""
    return math.lgamma(all_of + 1) - math.lgamma(chosen + 1) - math.lgamma(all_of - chosen + 1)


def _chi_square(before: Sequence[int], now: Sequence[int]) -> float:
    """Return the p-value of the chi-square test for two lists of counts (Wilson and Hilferty)."""
    freedom = len(before) - 1
    if freedom < 1:
        return 1.0
    scale = math.sqrt(sum(now) / sum(before))
    pairs = zip(before, now, strict=True)
    statistic = sum((b * scale - n / scale) ** 2 / (b + n) for b, n in pairs)
    spread = 2 / (9 * freedom)
    return 1 - NormalDist(1 - spread, math.sqrt(spread)).cdf((statistic / freedom) ** (1 / 3))


def _kolmogorov(distance: float, n: int, m: int) -> float:
    """Return the p-value of two samples' largest distance (Stephens' approximation)."""
    size = math.sqrt(n * m / (n + m))
    scaled = (size + 0.12 + 0.11 / size) * distance
    if scaled < 0.3:  # noqa: PLR2004  # the series does not converge, and p is 1
        return 1.0
    return 2 * sum((1 if j % 2 else -1) * math.exp(-2 * (j * scaled) ** 2) for j in range(1, 20))
