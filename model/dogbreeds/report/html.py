"""HTML and SVG out of tags whose text is always escaped, and numbers as people read them.

Breeds come from folder names, which anybody may have chosen. A string becomes markup only by
`tag`; every other string that reaches a page is escaped there, so there is no place to forget it.
"""

import html
import math
import unicodedata
from collections.abc import Iterable
from typing import TypeAlias


class Markup(str):
    """HTML that `tag` or `join` made; never a string from outside."""

    __slots__ = ()


Content: TypeAlias = "str | float | Markup | None"

NOTHING = "\u2013"  # where a number is missing

_EXACT = 1e9  # whole numbers below this are written out
_VOID = {"meta", "link", "img", "br"}
_NAMES = {"class_": "class", "for_": "for", "http_equiv": "http-equiv"}


def text(value: "str | float | None") -> Markup:
    """Escape a string; characters that nobody sees, or that turn a line round, show as a box."""
    if value is None:
        return Markup()
    seen = "".join("\ufffd" if _invisible(character) else character for character in str(value))
    return Markup(html.escape(seen))


def join(parts: Iterable[Content]) -> Markup:
    """Put parts one after the other, escaping those that are no markup."""
    return Markup("".join(part if isinstance(part, Markup) else text(part) for part in parts))


def tag(name: str, /, *content: Content, **attributes: "str | float | None") -> Markup:
    """Return `<name attributes>content</name>`; attributes that are None are left out.

    `class_` is written for class, and an underscore for a hyphen (`stroke_width`).
    """
    written = "".join(
        f' {_NAMES.get(key) or key.replace("_", "-")}="{text(_short(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in _VOID:
        return Markup(f"<{name}{written}>")
    return Markup(f"<{name}{written}>{join(content)}</{name}>")


def section(title: str, *content: Content) -> Markup:
    """Return a titled part of the page."""
    return tag("section", tag("h2", title), *content, class_="card")


def percent(share: float | None, digits: int = 1) -> str:
    """Return 0.9456 as "94.6 %", with a space that no line ends at; 1 is "100 %"."""
    if share is None or math.isnan(share):
        return NOTHING
    return f"{100 * share:.{digits if share < 1 else 0}f}\u00a0%"


def interval(bounds: "Iterable[float]") -> str:
    """Return (0.921, 0.963) as "92.1 to 96.3 %"."""
    low, high = bounds
    return f"{100 * low:.1f} to {100 * high:.1f}\u00a0%"


def number(value: float | None) -> str:
    """Return a number with the digits that tell something."""
    if value is None or not math.isfinite(value):
        return NOTHING
    whole = float(value).is_integer() and abs(value) < _EXACT
    return f"{int(value):,}" if whole else f"{value:.3g}"


def plural(count: int, one: str, many: str = "") -> str:
    """Return "1 photo" or "2 photos"."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def _short(value: "str | float | None") -> "str | float | None":
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else value


def _invisible(character: str) -> bool:
    # controls, formatting such as right-to-left overrides, bytes that were no UTF-8
    return unicodedata.category(character) in {"Cc", "Cf", "Cs"} and character not in "\n\t"
