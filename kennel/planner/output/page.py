"""A page that stands alone: no script, no network, written whole or not at all."""

import base64
import contextlib
import hashlib
import os
from pathlib import Path

from kennel.planner.errors import BadPlan
from kennel.planner.output.html import Markup, tag


def save(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    new = path.with_name(f".{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        new.write_text(text, "utf-8")
        os.replace(new, path)  # noqa: PTH105  # Path.replace is the same
    except OSError as error:
        with contextlib.suppress(OSError):  # its folder may be what is wrong
            new.unlink(missing_ok=True)
        raise BadPlan(f"cannot write the report {path}: {error.strerror}") from error


def page(title: str, body: Markup) -> str:
    """Return a whole page; its own security policy allows nothing but its own style."""
    style = Path(__file__).with_name("report.css").read_text("utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", f"{title} · Kennel"),
        Markup(f"<style>{style}</style>"),
    )
    return "<!doctype html>\n" + tag("html", head, tag("body", tag("main", body)), lang="en") + "\n"
