"""The sections of `report.html`, one function each, in the order in which they stand there."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from dogbreeds.report import matrix, plots
from dogbreeds.report.html import Markup, interval, number, percent, plural, section, tag
from dogbreeds.watch.rules import default_rules

MISTAKES = 3  # breeds named beside each breed's recall
TRIALS = 8  # the best, in the table
FILES = 60  # of a finding that are listed; audit.json has them all


def tiles(evaluation: Mapping[str, Any]) -> Markup:
    """Show the headline numbers."""
    bounds = evaluation["top1_interval"]
    top1 = tag(
        "div",
        tag("h2", "Top-1"),
        tag("p", percent(evaluation["top1"]), class_="figure"),
        plots.gauge(evaluation["top1"], bounds),
        tag("p", f"95 % interval {interval(bounds)} (Wilson)", class_="soft"),
        class_="tile first",
    )
    told = [
        ("Top-5", percent(evaluation["top5"]), "the right breed is among the five named"),
        ("Macro recall", percent(evaluation["macro_recall"]), "mean over breeds, small ones too"),
        ("Calibration", percent(evaluation["ece"]), "ECE: mean gap of sure and right"),
        ("Loss", number(evaluation["loss"]), "mean for each photo, in nats"),
    ]
    if evaluation.get("auroc_not_dog") is not None:
        auroc = f"{evaluation['auroc_not_dog']:.4f}"
        told.append(("Dog or not", auroc, "AUROC against photos without a dog"))
    rest = [
        tag(
            "div",
            tag("h2", name),
            tag("p", value, class_="figure"),
            tag("p", meaning, class_="soft"),
            class_="tile",
        )
        for name, value, meaning in told
    ]
    return tag("section", top1, *rest, class_="tiles", aria_label="Headline numbers")


def live_and_candidate(live: Mapping[str, Any]) -> Markup:
    """Compare with the model that is live."""
    low, high = live["difference_interval"]
    change = float(live["difference"])
    verdict = (
        "The candidate is better"
        if low > 0
        else "The live model is better"
        if high < 0
        else "These photos do not tell which of the two is better"
    )
    sentence = (
        f"{verdict}: top-1 differs by {100 * change:+.1f} points (95 % interval {100 * low:+.1f} "
        f"to {100 * high:+.1f}, paired bootstrap over the same photos); the live model "
        f"{live.get('model', '')} has {percent(live['top1'])}."
    )
    if live.get("p_not_worse") is not None:
        sentence += f" Probability that the candidate is not worse: {percent(live['p_not_worse'])}."
    if lacking := live.get("breeds_missing"):
        sentence += (
            f" The live model lacks {plural(len(lacking), 'breed')} of the candidate's, and their "
            "photos count as wrong."
        )
    return section(
        "Candidate and live model", tag("p", sentence), plots.difference(change, (low, high))
    )


def training(history: Sequence[Mapping[str, Any]]) -> Markup:
    """Show the curves of the epochs."""
    if not history:
        return section("Training", tag("p", "No epochs: nothing was fitted.", class_="soft"))
    seconds = max(float(row.get("seconds") or 0) for row in history)  # since the fit began
    return section(
        "Training",
        tag(
            "p", f"{plural(len(history), 'epoch')} in {number(round(seconds, 1))} s.", class_="soft"
        ),
        tag(
            "div",
            tag("figure", tag("figcaption", "Loss for each photo"), plots.curves(history, "loss")),
            tag("figure", tag("figcaption", "Top-1"), plots.curves(history, "top1")),
            class_="two",
        ),
    )


def search(trials: Sequence[Mapping[str, Any]]) -> Markup:
    """Show the tries of the search and the best of them."""
    if not trials:
        return Markup()
    done = sorted((row for row in trials if row["loss"] is not None), key=lambda row: row["loss"])
    names = list(trials[0]["parameters"])
    rows = [
        tag(
            "tr",
            tag("td", row["number"], class_="number"),
            tag("td", f"{row['loss']:.4f}", class_="number"),
            *[tag("td", _readable(row["parameters"].get(name))) for name in names],
        )
        for row in done[:TRIALS]
    ]
    early = len(trials) - len(done)
    told = (
        f"{plural(len(trials), 'trial')}, {early} of them ended early; the least valid loss wins."
    )
    return section(
        "Search",
        tag("p", told, class_="soft"),
        tag(
            "div",
            tag(
                "figure",
                tag("figcaption", "Valid loss by trial"),
                plots.trials([(row["number"], row["loss"]) for row in done]),
            ),
            tag("div", table(("trial", "loss", *names), rows)),
            class_="two",
        ),
    )


def confusion(evaluation: Mapping[str, Any]) -> Markup:
    """Show the confusion matrix."""
    breeds, confusion = evaluation["breeds"], evaluation["confusion"]
    wrong = sum(map(sum, confusion)) - sum(confusion[at][at] for at in range(len(breeds)))
    told = (
        f"A row for each true breed, a column for each answer; {plural(wrong, 'mistake')} off the "
        "diagonal, the stronger the larger their share of the row."
    )
    if len(breeds) >= matrix.SORTED_FROM:
        told += " Breeds taken for each other stand side by side."
    return section(
        "Confusion matrix",
        tag("p", told, class_="soft"),
        tag("div", matrix.draw(confusion, breeds), class_="scroll"),
    )


def reliability(evaluation: Mapping[str, Any], card: Mapping[str, Any]) -> Markup:
    """Show how far its probabilities can be trusted."""
    bins = evaluation["reliability"]
    rows = [
        tag("tr", *[tag("td", cell) for cell in cells])
        for cells in (
            (percent(row["confidence"]), percent(row["accuracy"]), number(row["photos"]))
            for row in bins
        )
    ]
    told = (
        "A model that knows what it knows lies on the diagonal; below it, it is too sure of "
        "itself. Ten bins of equally many photos, whiskers are 95 % intervals. Temperature "
        f"{number(card.get('temperature'))}, expected calibration error "
        f"{percent(evaluation['ece'])}."
    )
    return section(
        "Reliability",
        tag(
            "div",
            plots.reliability(bins),
            tag("div", tag("p", told), table(("said", "right", "photos"), rows)),
            class_="two aside",
        ),
    )


def recalls(evaluation: Mapping[str, Any]) -> Markup:
    """List the breeds."""
    breeds, confusion = evaluation["breeds"], evaluation["confusion"]
    per_breed = evaluation["per_breed"]
    order = sorted(
        range(len(breeds)),
        key=lambda at: (_or_one(per_breed[breeds[at]]["recall"]), breeds[at]),
    )
    rows = []
    for at in order:
        recall, count = per_breed[breeds[at]]["recall"], int(per_breed[breeds[at]]["photos"])
        wrong = sorted(
            ((-times, said) for said, times in enumerate(confusion[at]) if times and said != at)
        )
        taken = ", ".join(f"{breeds[said]} {-times}\u00d7" for times, said in wrong[:MISTAKES])
        rows.append(
            tag(
                "tr",
                tag("td", tag("bdi", breeds[at])),
                tag("td", plots.recall_bar(recall, count) if count else "", class_="wide"),
                tag("td", percent(recall if count else None, 0), class_="number"),
                tag("td", count, class_="number"),
                tag("td", taken, class_="soft"),
            )
        )
    return section(
        "Recall by breed, weakest first",
        table(("breed", "", "recall", "photos", "taken for"), rows, "recalls"),
    )


def _or_one(recall: float | None) -> float:
    return 1.0 if recall is None else recall


def watch(findings: Sequence[Mapping[str, Any]]) -> Markup:
    """Show what the rules found while it trained."""
    rules = [rule.name for rule in default_rules()]
    if not findings:
        return section(
            "Watch over training",
            tag("p", f"Nothing found. Rules that looked: {', '.join(rules)}."),
        )
    rows = [
        tag(
            "tr",
            tag("td", tag("b", found["rule"])),
            tag("td", f"step {found['step']:,}, {found['where']}"),
            tag("td", number(found["value"]), class_="number"),
            tag("td", number(found["threshold"]), class_="number"),
            tag("td", f"{found['unit']}. {found['advice']}"),
        )
        for found in findings
    ]
    silent = [rule for rule in rules if rule not in {found["rule"] for found in findings}]
    return section(
        "Watch over training",
        table(("rule", "where", "value", "threshold", "what it is, what to do"), rows),
        tag("p", f"Nothing found by: {', '.join(silent)}.", class_="soft"),
    )


def audit(audit: Mapping[str, Any]) -> Markup:
    """Show what is wrong with the photos."""
    rows, lists = [], []
    for found in audit.get("findings", []):
        files = list(found.get("files", []))
        if found.get("accepted"):
            state = "accepted"
        else:
            state = "stops the run" if found.get("stops") else "a note"
        rows.append(
            tag(
                "tr",
                tag("td", tag("b", found["kind"])),
                tag("td", f"{len(files):,}", class_="number"),
                tag("td", state, class_="number"),
                tag("td", found["sentence"]),
            )
        )
        more = [f"and {len(files) - FILES:,} more, in audit.json"] if len(files) > FILES else []
        lines = [tag("li", tag("bdi", file)) for file in [*files[:FILES], *more]]
        lists.append(tag("details", tag("summary", f"{found['kind']}: files"), tag("ul", *lines)))
    listed = (
        table(("finding", "files", "", "what it means"), rows)
        if rows
        else tag("p", "Nothing was found.")
    )
    counts = [
        tag("tr", tag("td", tag("bdi", breed)), *[tag("td", of[s], class_="number") for s in of])
        for breed, of in audit.get("breeds", {}).items()
    ]
    splits: Mapping[str, int] = next(iter(audit.get("breeds", {}).values()), {})
    if counts:
        table_of_counts = table(("breed", *splits), counts)
        lists.append(tag("details", tag("summary", "Photos by breed and split"), table_of_counts))
    verdict = tag("p", audit["verdict"]) if audit.get("verdict") else ""
    return section("Audit of the photos", verdict, listed, *lists)


def facts(
    settings: Mapping[str, Any], versions: Mapping[str, str], card: Mapping[str, Any]
) -> Markup:
    """List settings, card, versions and credits."""
    elsewhere = {"credits", "data", "made_with", "training"}  # of this page
    described = {key: value for key, value in card.items() if key not in elsewhere}
    return section(
        "Settings, versions, credits",
        tag(
            "div",
            tag("div", tag("h3", "Settings"), _pairs_table(settings)),
            tag("div", tag("h3", "Model card"), _pairs_table(described)),
            tag("div", tag("h3", "Versions"), _pairs_table(versions)),
            class_="three",
        ),
        tag("h3", "Credits"),
        tag("ul", *[tag("li", line) for line in card.get("credits", ())]),
    )


def _pairs_table(values: Mapping[str, Any]) -> Markup:
    rows = []
    for key, value in values.items():
        name = tag("th", key.replace("_", " "), scope="row")
        rows.append(tag("tr", name, tag("td", tag("bdi", _readable(value)))))
    return tag("table", tag("tbody", *rows), class_="facts")


def _readable(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_readable(inner)}" for key, inner in value.items())
    if isinstance(value, float):
        return number(value)
    if isinstance(value, Sequence):
        return ", ".join(map(_readable, value))
    return json.dumps(value, default=str) if value is not None else "not set"


def table(heads: Sequence[str], rows: Sequence[Markup], kind: str | None = None) -> Markup:
    """Return a table with its head."""
    head = tag("thead", tag("tr", *[tag("th", name, scope="col") for name in heads]))
    table = tag("table", head, tag("tbody", *rows), class_=kind)
    return tag("div", table, class_="scroll")
