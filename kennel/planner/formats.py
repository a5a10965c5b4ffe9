"""Formats of numbers in tables, terminals and reports."""

import math

_UNITS = ((86_400, "day"), (3600, "hour"), (60, "minute"))  # of a duration, seconds


def percent(share: float) -> str:
    """Return 0.9456 as "94.56 %"; a share near 0 or 1 is never rounded to 0 % or 100 %."""
    if 0.000001 < share < 0.0001 or 0.9999 < share < 1:  # noqa: PLR2004
        return f"{min(100 * share, 99.9999):.4f} %"
    return f"{100 * share:.2f} %".replace("100.00", "100").replace("0.00 %", "0 %")


def milliseconds(seconds: float) -> str:
    """Return seconds as "76.1 ms" or "1.2 s", and "none" where there is no value."""
    if not math.isfinite(seconds):
        return "none"
    return f"{seconds:.3g} s" if seconds >= 1 else f"{1000 * seconds:.3g} ms"


def number(value: float) -> str:
    """Return a number with four digits, or all digits before the point."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"  # noqa: PLR2004


def usd(value: float | None) -> str:
    """Return an amount, and "missing" where a price is missing."""
    return "missing" if value is None else f"{value:,.2f}"


def duration(seconds: float) -> str:
    """Return seconds as "2 days", "1.5 hours" or "20 minutes"."""
    for length, word in _UNITS:
        if seconds >= length:
            count = seconds / length
            return f"{count:.3g} {word}{'' if count == 1 else 's'}"
    return f"{seconds:.0f} seconds"
