"""Self-contained HTML pages from Jinja templates: no script, no network, written atomically."""

import base64
import contextlib
import hashlib
import os
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from kennel.planner import formats
from kennel.planner.errors import PlanError

_TEMPLATES = Path(__file__).with_name("templates")


def write(path: Path, template: str, **context: Any) -> None:
    """Render a template of templates/ and write the page atomically.

    Raises
    ------
    PlanError
        When the file cannot be written.
    """
    text = _environment().get_template(template).render(**context)
    new = path.with_name(f".{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        new.write_text(text, "utf-8")
        os.replace(new, path)  # noqa: PTH105  # Path.replace is the same
    except OSError as error:
        with contextlib.suppress(OSError):  # its folder may be what is wrong
            new.unlink(missing_ok=True)
        raise PlanError(f"cannot write the report {path}: {error.strerror}") from error


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style = (_TEMPLATES / "report.css").read_text("utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    # The page's own content security policy allows nothing but its own style.
    environment.globals |= {"style": style, "style_hash": f"sha256-{digest}"}
    environment.filters |= {
        "percent": formats.percent,
        "milliseconds": formats.milliseconds,
        "usd": formats.usd,
        "coordinate": _coordinate,
    }
    return environment


def _coordinate(value: float) -> str:
    """Return an SVG coordinate with at most two decimals."""
    return f"{value:.2f}".rstrip("0").rstrip(".")
