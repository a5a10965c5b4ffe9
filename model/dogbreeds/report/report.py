"""`report.html`: what was trained, how good it is, and what to distrust, in one file.

The page needs no network and no script: plots are inline SVG, photos data URIs, and its own
security policy allows nothing else. It prints, and follows the reader's light or dark theme.
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dogbreeds.data.audit_rules import WRONG_LABEL
from dogbreeds.package.archive import whole_file
from dogbreeds.report import sections
from dogbreeds.report.html import Markup, join, percent, plural, tag
from dogbreeds.report.photos import most_confused, wrong_labels
from dogbreeds.training.run import TrainingRun

_ICON = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'%3E%3Cpath "
    "fill='%23b0501c' d='M16 3 2 14l2 2.5L6 15v14h20V15l2 1.5 2-2.5z'/%3E%3C/svg%3E"
)


def write(path: Path, run: TrainingRun) -> None:
    """Write the report of a training to `path`, whole or not at all.

    Photos of the most confused pairs and of possibly wrong labels are made small here. One that
    cannot be read is named in words.
    """
    evaluation, audit, card, findings = run.evaluation, run.audit, run.card, run.findings
    style = Path(__file__).with_name("report.css").read_text("utf-8")
    live = evaluation.get("live")
    found = audit.get("findings", [])
    body = join(
        [
            _head(evaluation, card, audit, findings),
            sections.tiles(evaluation),
            sections.live_and_candidate(live) if live else "",
            sections.training(run.history),
            sections.search(run.trials),
            sections.confusion(evaluation),
            most_confused(evaluation.get("most_confused") or [], run.photos),
            sections.reliability(evaluation, card),
            sections.recalls(evaluation),
            sections.watch(findings),
            sections.audit(audit),
            *(wrong_labels(f, run.photos) for f in found if f["kind"] == WRONG_LABEL),
            sections.facts(run.settings, run.versions, card),
        ]
    )
    with whole_file(path) as temporary:
        temporary.write_text(_page(style, f"{card['name']}@{card['version']}", body), "utf-8")


def _page(style: str, title: str, body: Markup) -> str:
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; "
        "base-uri 'none'; form-action 'none'"
    )
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", f"{title} · Kennel model report"),
        tag("link", rel="icon", href=_ICON),
        Markup(f"<style>{style}</style>"),
    )
    return "<!doctype html>\n" + tag("html", head, tag("body", tag("main", body)), lang="en") + "\n"


def _head(
    evaluation: Mapping[str, Any],
    card: Mapping[str, Any],
    audit: Mapping[str, Any],
    findings: Sequence[Mapping[str, Any]],
) -> Markup:
    count, breeds = int(evaluation["photos"]), len(evaluation["breeds"])
    seen = int(evaluation.get("imagenet_photos") or 0)
    notices = []
    if seen:
        notices.append(
            f"{seen:,} of the {count:,} test photos have names of ImageNet's photos. A backbone "
            "pretrained on ImageNet has seen those with their labels, so these figures flatter it: "
            "on new photos it will be right less often."
        )
    if findings:
        names = ", ".join(str(finding["rule"]) for finding in findings)
        notices.append(f"The watch over training found {names}: see below.")
    if accepted := [str(f["kind"]) for f in audit.get("findings", []) if f.get("accepted")]:
        notices.append(f"Accepted in the photos: {', '.join(accepted)}. See the audit below.")
    return tag(
        "header",
        tag("p", "Kennel · model report", class_="kicker"),
        tag("h1", str(card["name"]), tag("span", f"@{card['version']}", class_="version")),
        tag(
            "p",
            f"{percent(evaluation['top1'])} of {plural(count, 'test photo')} get the right one of "
            f"{plural(breeds, 'breed')}. Backbone {card['backbone']}.",
            class_="lede",
        ),
        *[tag("p", notice, class_="notice") for notice in notices],
    )
