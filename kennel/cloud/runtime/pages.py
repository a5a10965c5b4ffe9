"""Pages of a list whose marker is the number of the next page's first item."""

from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")


def numbered_page(
    items: Sequence[T], marker: str | None, most: int, invalid: Callable[[str], Exception]
) -> tuple[Sequence[T], str | None]:
    """Return at most `most` items from a marker on, and the next page's marker or None.

    Parameters
    ----------
    marker
        Of a call; None or empty for the first page.
    invalid
        Makes the service's error for a marker that no page has.
    """
    text = str(marker or "0")
    if not text.isdecimal():
        raise invalid(text)
    end = int(text) + most
    return items[int(text) : end], str(end) if end < len(items) else None
