"""Prepare the values of each section of `report.html`, in the order in which they stand there."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from dogbreeds.evaluation.metrics import wilson
from dogbreeds.report import matrix, plots, summary
from dogbreeds.report.numbers import number
from dogbreeds.watch.rules import default_rules

MISTAKES = 3  # breeds named beside each breed's recall
TRIALS = 8  # the best, in the table
FILES = 60  # of a finding that are listed; audit.json has them all


class Comparison(NamedTuple):
    """The candidate compared with the live model."""

    verdict: str
    low: float
    high: float
    difference: float
    plot: plots.Difference


@dataclass(frozen=True)
class Training:
    """The epochs of the training."""

    epochs: int
    seconds: float
    loss: plots.Curves | None
    top1: plots.Curves | None
    sentences: list[str]  # what was kept, and what may surprise


@dataclass(frozen=True)
class Search:
    """The trials of the hyperparameter search."""

    trials: int
    pruned: int
    names: list[str]  # of the hyperparameters
    best: list[tuple[int, float, list[str]]]  # number, loss, values
    plot: plots.Trials | None


class Confusion(NamedTuple):
    """The confusion matrix."""

    mistakes: int
    is_sorted: bool
    plot: matrix.Drawing


class Recall(NamedTuple):
    """One breed's recall."""

    breed: str
    recall: float | None
    bounds: tuple[float, float]  # 95 % interval
    photos: int
    taken_for: str
    validated: Mapping[str, Any] | None  # cross-validated recall, interval, photos


class AuditRow(NamedTuple):
    """One finding of the audit."""

    kind: str
    files: list[str]  # at most FILES
    total: int
    state: str
    sentence: str


def comparison(live: Mapping[str, Any]) -> Comparison:
    """Compare the candidate with the live model, which `evaluation.json` has as "live"."""
    low, high = live["difference_interval"]
    if low > 0:
        verdict = "The candidate is better"
    elif high < 0:
        verdict = "The live model is better"
    else:
        verdict = "These photos do not tell which of the two is better"
    change = float(live["difference"])
    return Comparison(verdict, low, high, change, plots.difference(change, (low, high)))


def training(
    history: Sequence[Mapping[str, Any]], settings: Mapping[str, Any], audit: Mapping[str, Any]
) -> Training | None:
    """Summarise the epochs; None where there were none."""
    kept = summary.kept(history, settings)
    if not kept:
        return None
    seconds = max(float(row.get("seconds") or 0) for row in history)  # since training began
    return Training(
        epochs=len(history),
        seconds=round(seconds, 1),
        loss=plots.curves(history, "loss", kept.epoch),
        top1=plots.curves(history, "top1", kept.epoch),
        sentences=[
            f"Ringed: {kept.sentence}",
            summary.why_train_is_above(history, settings, kept.epoch),
            summary.uneven(audit),
        ],
    )


def search(trials: Sequence[Mapping[str, Any]]) -> Search | None:
    """Summarise the hyperparameter search; None where there was none."""
    if not trials:
        return None
    finished = sorted(
        (row for row in trials if row["loss"] is not None), key=lambda row: float(row["loss"])
    )
    names = list(trials[0]["parameters"])
    return Search(
        trials=len(trials),
        pruned=len(trials) - len(finished),
        names=names,
        best=[
            (row["number"], row["loss"], [readable(row["parameters"].get(name)) for name in names])
            for row in finished[:TRIALS]
        ],
        plot=plots.trials([(row["number"], row["loss"]) for row in finished]),
    )


def confusion(evaluation: Mapping[str, Any]) -> Confusion:
    """Lay out the confusion matrix."""
    breeds, counts = evaluation["breeds"], evaluation["confusion"]
    mistakes = sum(map(sum, counts)) - sum(counts[breed][breed] for breed in range(len(breeds)))
    drawing = matrix.drawing(counts, breeds)
    return Confusion(mistakes, len(breeds) >= matrix.SORTED_FROM, drawing)


def recalls(evaluation: Mapping[str, Any]) -> list[Recall]:
    """List the breeds by recall, the lowest first; a breed without photos counts as 1."""
    breeds, per_breed = evaluation["breeds"], evaluation["per_breed"]
    validated = (evaluation.get("cross_validation") or {}).get("per_breed", {})
    rows = []
    for row, (breed, counts) in enumerate(zip(breeds, evaluation["confusion"], strict=True)):
        photos = int(per_breed[breed]["photos"])
        recall = per_breed[breed]["recall"] if photos else None
        wrong = sorted((-times, said) for said, times in enumerate(counts) if times and said != row)
        taken_for = ", ".join(f"{breeds[said]} {-times}\u00d7" for times, said in wrong[:MISTAKES])
        bounds = (0.0, 1.0) if recall is None else wilson(round(recall * photos), photos)
        rows.append(Recall(breed, recall, bounds, photos, taken_for, validated.get(breed)))
    return sorted(rows, key=lambda row: (1.0 if row.recall is None else row.recall, row.breed))


def silent_rules(findings: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the names of the watch's rules that found nothing."""
    reported = {finding["rule"] for finding in findings}
    return [rule.name for rule in default_rules() if rule.name not in reported]


def audit_rows(audit: Mapping[str, Any]) -> list[AuditRow]:
    """List the findings of the audit."""
    rows = []
    for finding in audit.get("findings", []):
        files = list(finding.get("files", []))
        if finding.get("accepted"):
            state = "accepted"
        else:
            state = "stops the run" if finding.get("stops") else "a note"
        rows.append(
            AuditRow(finding["kind"], files[:FILES], len(files), state, finding["sentence"])
        )
    return rows


def readable(value: Any) -> str:
    """Return a value of the settings or the card as text."""
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {readable(inner)}" for key, inner in value.items())
    if isinstance(value, float):
        return number(value)
    if isinstance(value, Sequence):
        return ", ".join(map(readable, value))
    return json.dumps(value, default=str) if value is not None else "not set"
