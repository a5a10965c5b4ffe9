"""The confusion matrix, readable from two breeds to a few hundred."""

from collections.abc import Sequence

from dogbreeds.report.html import Markup, join, tag

Matrix = Sequence[Sequence[int]]

SORTED_FROM = 16  # breeds; from here on neighbours matter more than the alphabet
COUNTS_TO = 24  # breeds; up to here a cell has room for its count
LABELS_TO = 200  # breeds; beyond, a label would be under 5 pixels high
OWN_CELLS = (
    1_200  # mistakes with a tooltip of their own, about 150 bytes each; the rest share paths
)
LEVELS = 4  # shades that the rest share
FAINTEST = 0.25  # opacity of the rarest mistake, which must be seen


def order(confusion: Matrix) -> list[int]:
    """Return the breeds in an order that puts those taken for each other side by side.

    Breeds are strung together by the most frequent confusions first: each link joins two strings,
    turned so that the two breeds come near each other.
    """
    count = len(confusion)
    if count < SORTED_FROM:
        return list(range(count))
    links = sorted(
        (-(confusion[a][b] + confusion[b][a]), a, b)
        for a in range(count)
        for b in range(a + 1, count)
        if confusion[a][b] + confusion[b][a]
    )
    strings = {breed: [breed] for breed in range(count)}
    for _, a, b in links:
        left, right = strings[a], strings[b]
        if left is right:
            continue
        if left.index(a) < len(left) / 2:
            left.reverse()
        if right.index(b) >= len(right) / 2:
            right.reverse()
        left += right
        for breed in right:
            strings[breed] = left
    found: list[int] = []
    for breed in range(count):
        if strings[breed][0] not in found:
            found += strings[breed]
    return found


def draw(confusion: Matrix, breeds: Sequence[str]) -> Markup:
    """Draw the matrix: a row for each true breed, a column for each that the model said."""
    count = len(breeds)
    side = min(46.0, max(7.2, 700 / count))  # of a cell, in SVG units
    font = min(13.0, max(6.2, side * 0.86))
    longest = min(max(map(len, breeds)), 26)
    margin = longest * font * 0.56 + 14 if count <= LABELS_TO else 24.0
    places = {breed: place for place, breed in enumerate(order(confusion))}
    rows = [max(sum(row), 1) for row in confusion]
    width = margin + count * side + 4

    parts = [
        tag("rect", x=margin, y=margin, width=count * side, height=count * side, class_="well")
    ]
    if side > 12:  # noqa: PLR2004  # finer grids would be grey
        parts += _grid(count, side, margin)
    mistakes = sorted(
        (-confusion[truth][said], truth, said)
        for truth in range(count)
        for said in range(count)
        if truth != said and confusion[truth][said]
    )
    shown = [(truth, said) for _, truth, said in mistakes[:OWN_CELLS]]
    for truth, said in [*((breed, breed) for breed in range(count)), *shown]:
        cell = confusion[truth][said]
        if not cell:
            continue
        share = cell / rows[truth]
        right = truth == said
        x, y = margin + places[said] * side, margin + places[truth] * side
        told = (
            f"{breeds[truth]}: {cell} of {rows[truth]} right"
            if right
            else f"{breeds[truth]} taken for {breeds[said]}: {cell} of {rows[truth]}"
        )
        parts.append(
            tag(
                "rect",
                tag("title", told),
                x=x,
                y=y,
                width=side,
                height=side,
                class_="right" if right else "wrong",
                fill_opacity=FAINTEST + (1 - FAINTEST) * share,
            )
        )
        if count <= COUNTS_TO:
            strong = " strong" if share > 0.5 else ""  # noqa: PLR2004  # dark cells, light digits
            parts.append(
                tag("text", cell, x=x + side / 2, y=y + side / 2 + 4, class_=f"count{strong}")
            )
    parts += _shared(confusion, mistakes[OWN_CELLS:], places, side, margin)
    if count <= LABELS_TO:
        parts += [
            _label(breeds[breed], place, side, margin, font) for breed, place in places.items()
        ]
    parts.append(tag("text", "said \u25b8", x=margin - 6, y=margin - 18, class_="axis end-anchor"))
    parts.append(tag("text", "true \u25be", x=margin - 6, y=margin - 3, class_="axis end-anchor"))
    return tag(
        "svg",
        *parts,
        viewBox=f"0 0 {width:.0f} {width:.0f}",
        class_="matrix",
        width=f"{width:.0f}",
        role="img",
        aria_label=f"confusion matrix of {count} breeds",
    )


def _label(breed: str, place: int, side: float, margin: float, font: float) -> Markup:
    name = breed if len(breed) <= 26 else f"{breed[:25]}…"  # noqa: PLR2004
    at, edge = margin + (place + 0.5) * side + font * 0.34, margin - 5
    turned = f"translate({at:.1f} {edge:.1f}) rotate(-90)"
    return join(
        [
            tag("text", name, x=edge, y=at, font_size=font, class_="breed end-anchor"),
            tag("text", name, transform=turned, font_size=font, class_="breed"),
        ]
    )


def _grid(count: int, side: float, margin: float) -> list[Markup]:
    end = margin + count * side
    parts = []
    for place in range(count + 1):
        at = margin + place * side
        parts.append(tag("line", x1=at, x2=at, y1=margin, y2=end, class_="grid"))
        parts.append(tag("line", x1=margin, x2=end, y1=at, y2=at, class_="grid"))
    return parts


def _shared(
    confusion: Matrix,
    mistakes: Sequence[tuple[int, int, int]],
    places: dict[int, int],
    side: float,
    margin: float,
) -> list[Markup]:
    """Draw many rare mistakes in a few shapes: a page of a hopeless model stays small too."""
    paths: list[list[str]] = [[] for _ in range(LEVELS)]
    for _, truth, said in mistakes:
        share = confusion[truth][said] / max(sum(confusion[truth]), 1)
        x, y = margin + places[said] * side, margin + places[truth] * side
        level = min(int(share * LEVELS), LEVELS - 1)
        paths[level].append(f"M{x:.1f} {y:.1f}h{side:.1f}v{side:.1f}h-{side:.1f}z")
    return [
        tag("path", d="".join(path), class_="wrong", fill_opacity=FAINTEST + 0.75 * level / LEVELS)
        for level, path in enumerate(paths)
        if path
    ]
