"""Render the report's templates with Jinja2, every value escaped."""

from pathlib import Path
from typing import Any

import jinja2

from dogbreeds.report import numbers

TEMPLATES = Path(__file__).with_name("templates")


def environment(folder: Path = TEMPLATES) -> jinja2.Environment:
    """Return the Jinja2 environment of the report.

    Autoescape is on for every template, since names of breeds and files are chosen by others, and
    a name that a template uses and nobody passes is an error (StrictUndefined).
    """
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=numbers.printable,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "percent": numbers.percent,
        "interval": numbers.interval,
        "number": numbers.number,
        "plural": numbers.plural,
    }
    return made


def render(values: dict[str, Any], template: str = "report.html.j2") -> str:
    """Render `template` with `values`."""
    return environment().get_template(template).render(values)
