"""The photos in the report: of the breeds most taken for each other, small and without metadata."""

import base64
import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from PIL import Image

from photo import PhotoError, wire_image
from report_html import Markup, section, tag

PAIRS = 12  # most confused pairs that are shown
PHOTOS = 4  # of a pair
THUMBNAIL = 150  # pixels of the shorter side
PHOTO_BYTES = 900_000  # of all photos together; they grow by a third as text


def most_confused(pairs: Sequence[Mapping[str, Any]], photos: Callable[[str], bytes]) -> Markup:
    """Show photos of the pairs of breeds that were taken for each other."""
    if not pairs:
        return section("Most confused", tag("p", "No test photo got a wrong breed."))
    room = PHOTO_BYTES
    cards = []
    for pair in pairs[:PAIRS]:
        shown: list[Markup] = []
        for name in list(pair.get("photos", []))[:PHOTOS]:
            small = _thumbnail(name, photos)
            if isinstance(small, bytes) and len(small) <= room:
                room -= len(small)
                source = "data:image/jpeg;base64," + base64.b64encode(small).decode()
                shown.append(tag("img", src=source, alt=name, title=name))
            else:
                reason = small if isinstance(small, str) else "left out to keep this page small"
                shown.append(tag("p", f"{name}: {reason}", class_="soft"))
        said = tag(
            "p",
            tag("bdi", pair["truth"], class_="truth"),
            " taken for ",
            tag("b", tag("bdi", pair["said"])),
        )
        cards.append(
            tag(
                "article",
                tag(
                    "div",
                    said,
                    tag("span", f"{pair['count']}\u00d7", class_="times"),
                    class_="names",
                ),
                tag("div", *shown, class_="photos"),
                class_="pair",
            )
        )
    return section("Most confused", tag("div", *cards, class_="pairs"))


def _thumbnail(name: str, photos: Callable[[str], bytes]) -> bytes | str:
    """Return a small JPEG without metadata, or why there is none."""
    try:
        image = wire_image(photos(name))
    except (OSError, PhotoError) as error:
        return f"cannot be shown ({error})"
    image.thumbnail((THUMBNAIL * 2, THUMBNAIL), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=80, optimize=True)
    return buffer.getvalue()
