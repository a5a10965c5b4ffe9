"""Numbers and strings in the form in which the report prints them."""

import math
import unicodedata
from collections.abc import Iterable

MISSING = "\u2013"  # an en dash, where there is no number
_EXACT_BELOW = 1e9  # whole numbers below this are written out
_DECIMALS = 2  # of a coordinate, in SVG units


def percent(share: float | None, digits: int = 1) -> str:
    """Return 0.9456 as "94.6 %", with a no-break space; 1 is "100 %"."""
    if share is None or math.isnan(share):
        return MISSING
    return f"{100 * share:.{digits if share < 1 else 0}f}\u00a0%"


def percent_tick(share: float) -> str:
    """Return 0.945 as "94.5 %" and 0.9 as "90 %", for an axis."""
    return f"{100 * share:.4g}\u00a0%"


def points_tick(share: float) -> str:
    """Return 0.05 as "+5 points" and 0 as "0", for an axis."""
    return "0" if share == 0 else f"{100 * share:+.3g} points"


def interval(bounds: Iterable[float]) -> str:
    """Return (0.921, 0.963) as "92.1 to 96.3 %"."""
    low, high = bounds
    return f"{100 * low:.1f} to {100 * high:.1f}\u00a0%"


def number(value: float | None) -> str:
    """Return a number with at most three significant digits, or whole with thousands separators."""
    if value is None or not math.isfinite(value):
        return MISSING
    whole = float(value).is_integer() and abs(value) < _EXACT_BELOW
    return f"{int(value):,}" if whole else f"{value:.3g}"


def plural(count: int, one: str) -> str:
    """Return "1 photo" or "2 photos"."""
    return f"{count:,} {one if count == 1 else one + 's'}"


def printable(value: object) -> object:
    """Return what a template prints for `value`, before it is escaped.

    A float is a coordinate and gets at most two decimals. None prints nothing. In a string,
    characters that are invisible or reverse the direction of text become U+FFFD.
    """
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.{_DECIMALS}f}".rstrip("0").rstrip(".")
    if isinstance(value, str) and not hasattr(value, "__html__"):
        return "".join("\ufffd" if _invisible(character) else character for character in value)
    return value


def _invisible(character: str) -> bool:
    # controls, formatting such as right-to-left overrides, surrogates of bytes that are not UTF-8
    return unicodedata.category(character) in {"Cc", "Cf", "Cs"} and character not in "\n\t"
