"""HTML and SVG out of tags whose text is always escaped."""

import html
from collections.abc import Iterable
from typing import TypeAlias


class Markup(str):
    """Markup that `tag` or `join` made; never a string from outside."""

    __slots__ = ()


Content: TypeAlias = "str | float | Markup | None"
_VOID = {"meta", "link", "br"}
_NAMES = {"class_": "class", "http_equiv": "http-equiv"}


def join(parts: Iterable[Content]) -> Markup:
    """Put parts one after the other, escaping those that are no markup."""
    return Markup(
        "".join(
            part if isinstance(part, Markup) else html.escape("" if part is None else str(part))
            for part in parts
        )
    )


def tag(name: str, /, *content: Content, **attributes: "str | float | None") -> Markup:
    """Return `<name attributes>content</name>`; attributes that are None are left out.

    `class_` is written for class, and an underscore for a hyphen (`stroke_width`).
    """
    written = "".join(
        f' {_NAMES.get(key) or key.replace("_", "-")}="{html.escape(_short(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in _VOID:
        return Markup(f"<{name}{written}>")
    return Markup(f"<{name}{written}>{join(content)}</{name}>")


def _short(value: "str | float") -> str:
    if isinstance(value, float):
        return f"{value:.2f}".rstrip("0").rstrip(".")
    return str(value)
