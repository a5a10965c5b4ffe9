"""The photos in the report, small and without metadata.

Of the breeds most taken for each other, and those that may lie in a wrong folder.
"""

import base64
import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from PIL import Image

from dogbreeds.photos.decode import PhotoError
from dogbreeds.report.html import Markup, plural, section, tag

PAIRS = 12  # most confused pairs that are shown
PHOTOS = 4  # of a pair
THUMBNAIL = 150  # pixels of the shorter side
PHOTO_BYTES = 900_000  # of all these photos together; they grow by a third as text
LABELS = 24  # photos that may lie in a wrong folder; audit.json has them all
LABEL_BYTES = 300_000  # of all of these


def wrong_labels(found: Mapping[str, Any], photos: Callable[[str], Image.Image]) -> Markup:
    """Show the photos that may lie in a wrong folder, the least believable first."""
    items = list(found["items"])
    if not items:
        return section("Wrong labels?", tag("p", "No photo looks as if it lay in a wrong folder."))
    told = (
        f"{plural(len(items), 'photo')} of train and valid: heads that did not learn a photo say "
        "another breed than its folder. Look, move what is wrong, and train again."
    )
    room = LABEL_BYTES
    cards = []
    for item in items[:LABELS]:
        (name,) = item["files"]
        shown, size = _shown(name, photos, room)
        room -= size
        words = tag("p", tag("bdi", name), ": ", tag("bdi", item["reason"]), class_="beside")
        cards.append(tag("article", tag("div", shown, words, class_="photos"), class_="pair"))
    more = len(items) - len(cards)
    return section(
        "Wrong labels?",
        tag("p", told),
        tag("div", *cards, class_="pairs"),
        tag("p", f"{more:,} more are in audit.json.", class_="soft") if more else "",
    )


def most_confused(
    pairs: Sequence[Mapping[str, Any]], photos: Callable[[str], Image.Image]
) -> Markup:
    """Show photos of the pairs of breeds that were taken for each other."""
    if not pairs:
        return section("Most confused", tag("p", "No test photo got a wrong breed."))
    room = PHOTO_BYTES
    cards = []
    for pair in pairs[:PAIRS]:
        shown: list[Markup] = []
        for name in list(pair.get("photos", []))[:PHOTOS]:
            photo, size = _shown(name, photos, room)
            room -= size
            shown.append(photo)
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


def _shown(name: str, photos: Callable[[str], Image.Image], room: int) -> tuple[Markup, int]:
    """Return a photo, or why it is not shown, and the bytes that it takes of `room`."""
    small = _thumbnail(name, photos)
    if isinstance(small, bytes) and len(small) <= room:
        source = "data:image/jpeg;base64," + base64.b64encode(small).decode()
        return tag("img", src=source, alt=name, title=name), len(small)
    reason = small if isinstance(small, str) else "left out to keep this page small"
    return tag("p", f"{name}: {reason}", class_="soft"), 0


def _thumbnail(name: str, photos: Callable[[str], Image.Image]) -> bytes | str:
    """Return a small JPEG without metadata, or why there is none."""
    try:
        image = photos(name)
    except (OSError, PhotoError) as error:
        return f"cannot be shown ({error})"
    image.thumbnail((THUMBNAIL * 2, THUMBNAIL), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=80, optimize=True)
    return buffer.getvalue()
