"""Write `report.html`: what was trained, how good it is, and what to distrust, in one file.

The page needs no network and no script: plots are inline SVG, photos are data URIs, and its own
Content-Security-Policy allows nothing else. It can be printed, and follows the reader's light or
dark theme.
"""

import base64
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dogbreeds.package.archive import whole_file
from dogbreeds.report import plots, sections, summary
from dogbreeds.report.photos import most_confused, notes
from dogbreeds.training.run import TrainingRun

_ICON = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'%3E%3Cpath "
    "fill='%23b0501c' d='M16 3 2 14l2 2.5L6 15v14h20V15l2 1.5 2-2.5z'/%3E%3C/svg%3E"
)
_OTHER_CARD_FIELDS = {"credits", "data", "made_with", "training"}  # shown elsewhere on the page


def write(path: Path, run: TrainingRun) -> None:
    """Write the report of a training to `path` atomically.

    Of a photo that cannot be read (OSError, PhotoError) the page gives the name and the reason.
    """
    from dogbreeds.report.render import render  # noqa: PLC0415  # Jinja2 only where it is needed

    style = Path(__file__).with_name("report.css").read_text("utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    evaluation, audit, findings = run.evaluation, run.audit, run.findings
    card = summary.served_card(run.card, evaluation)
    live = evaluation.get("live")
    page = render(
        {
            "style": style,
            "style_digest": digest,
            "icon": _ICON,
            "evaluation": evaluation,
            "card": card,
            "audit": audit,
            "findings": findings,
            "versions": _as_text(run.versions, set()),
            "notices": summary.notices(evaluation, audit, findings),
            "date": run.date,
            "command": run.command,
            "next_commands": list(run.next_commands),
            "validated": evaluation.get("cross_validation"),
            "likely": summary.likely(evaluation),
            "live": live,
            "comparison": sections.comparison(live) if live else None,
            "training": sections.training(run.history, run.settings, audit),
            "search": sections.search(run.trials),
            "confusion": sections.confusion(evaluation),
            "most_confused": most_confused(evaluation.get("most_confused") or [], run.photos),
            "reliability": plots.reliability(evaluation["reliability"]),
            "recalls": sections.recalls(evaluation),
            "silent_rules": sections.silent_rules(findings),
            "audit_rows": sections.audit_rows(audit),
            "notes": notes(audit.get("findings", []), run.photos),
            "settings": _as_text(run.settings, set()),
            "card_fields": _as_text(card, _OTHER_CARD_FIELDS),
        }
    )
    with whole_file(path) as temporary:
        temporary.write_text(page, "utf-8")


def _as_text(values: Mapping[str, Any], left_out: set[str]) -> dict[str, str]:
    return {
        key.replace("_", " "): sections.readable(value)
        for key, value in values.items()
        if key not in left_out
    }
