"""Compute the layout of the confusion matrix's plot, which scrolls if there are many breeds."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

Matrix = Sequence[Sequence[int]]

SORTED_FROM = 16  # breeds; from here on confused breeds are put side by side
COUNTS_TO = 24  # breeds; up to here a cell has room for its count
SMALLEST_SIDE, SMALLEST_FONT = 10.0, 8.5  # pixels, of a cell and of a label
GRID_ABOVE = 12  # SVG units of a cell's side; a finer grid would look grey
NAME_LENGTH = 26  # characters of a breed's label
OWN_CELLS = 1_200  # mistakes with a tooltip each, about 150 bytes; the others share paths
LEVELS = 4  # opacities of the shared paths
FAINTEST = 0.25  # opacity of the rarest mistake, which must be visible


class Cell(NamedTuple):
    """One cell with a tooltip."""

    x: float
    y: float
    kind: str  # "right" on the diagonal, else "wrong"; a class of report.css
    opacity: float
    title: str
    photos: int
    strong: bool  # so dark that its count is printed light


class Path(NamedTuple):
    """Many rare mistakes of about one frequency, as one shape."""

    d: str
    opacity: float


class Label(NamedTuple):
    """A breed's name, once for its row and once, turned, for its column."""

    name: str
    y: float
    transform: str


@dataclass(frozen=True)
class Drawing:
    """What `templates/plots.html.j2` draws, in SVG units."""

    breeds: int
    width: str
    margin: float
    side: float  # of a cell
    end: float  # right and lower edge of the cells
    font: float
    grid: list[float]
    cells: list[Cell]
    counts_shown: bool
    paths: list[Path]
    labels: list[Label]


def order(confusion: Matrix) -> list[int]:
    """Return the breeds in an order that puts those confused with each other side by side.

    Breeds are chained by the most frequent confusions first: each link joins two chains, reversed
    where needed so that the two breeds come near each other.
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
    chains = {breed: [breed] for breed in range(count)}
    for _, a, b in links:
        left, right = chains[a], chains[b]
        if left is right:
            continue
        if left.index(a) < len(left) / 2:
            left.reverse()
        if right.index(b) >= len(right) / 2:
            right.reverse()
        left += right
        for breed in right:
            chains[breed] = left
    ordered: list[int] = []
    for breed in range(count):
        if chains[breed][0] not in ordered:
            ordered += chains[breed]
    return ordered


def drawing(confusion: Matrix, breeds: Sequence[str]) -> Drawing:
    """Lay out the matrix: a row for each true breed, a column for each predicted one."""
    count = len(breeds)
    side = min(46.0, max(SMALLEST_SIDE, 700 / count))
    font = min(13.0, max(SMALLEST_FONT, side * 0.86))
    longest = min(max(map(len, breeds)), NAME_LENGTH)
    margin = max(longest * font * 0.6, 34.0) + 14
    places = {breed: place for place, breed in enumerate(order(confusion))}
    edges = [margin + place * side for place in range(count + 1)]
    mistakes = sorted(
        (-confusion[truth][said], truth, said)
        for truth in range(count)
        for said in range(count)
        if truth != said and confusion[truth][said]
    )
    pairs = [(truth, said) for _, truth, said in mistakes]
    shown = [(breed, breed) for breed in range(count) if confusion[breed][breed]]
    shown += pairs[:OWN_CELLS]
    return Drawing(
        breeds=count,
        width=f"{margin + count * side + 4:.0f}",
        margin=margin,
        side=side,
        end=edges[-1],
        font=font,
        grid=edges if side > GRID_ABOVE else [],
        cells=[
            _cell(confusion, breeds, truth, said, edges[places[said]], edges[places[truth]])
            for truth, said in shown
        ],
        counts_shown=count <= COUNTS_TO,
        paths=_paths(confusion, pairs[OWN_CELLS:], places, edges),
        labels=[
            _label(breeds[breed], place, side, margin, font) for breed, place in places.items()
        ],
    )


def _cell(  # noqa: PLR0917  # the matrix, the cell's place in it and on the page
    confusion: Matrix, breeds: Sequence[str], truth: int, said: int, x: float, y: float
) -> Cell:
    photos = max(sum(confusion[truth]), 1)
    count = confusion[truth][said]
    share = count / photos
    if truth == said:
        kind, title = "right", f"{breeds[truth]}: {count} of {photos} right"
    else:
        kind, title = "wrong", f"{breeds[truth]} taken for {breeds[said]}: {count} of {photos}"
    opacity = FAINTEST + (1 - FAINTEST) * share
    return Cell(x, y, kind, opacity, title, count, share > 0.5)  # noqa: PLR2004


def _label(breed: str, place: int, side: float, margin: float, font: float) -> Label:
    name = breed if len(breed) <= NAME_LENGTH else f"{breed[: NAME_LENGTH - 1]}…"
    baseline = margin + (place + 0.5) * side + font * 0.34
    return Label(name, baseline, f"translate({baseline:.1f} {margin - 5:.1f}) rotate(-90)")


def _paths(
    confusion: Matrix,
    pairs: Sequence[tuple[int, int]],
    places: dict[int, int],
    edges: Sequence[float],
) -> list[Path]:
    """Draw many rare mistakes as a few paths, so that the page of a bad model stays small."""
    side = edges[1] - edges[0]
    squares: list[list[str]] = [[] for _ in range(LEVELS)]
    for truth, said in pairs:
        share = confusion[truth][said] / max(sum(confusion[truth]), 1)
        x, y = edges[places[said]], edges[places[truth]]
        level = min(int(share * LEVELS), LEVELS - 1)
        squares[level].append(f"M{x:.1f} {y:.1f}h{side:.1f}v{side:.1f}h-{side:.1f}z")
    return [
        Path("".join(path), FAINTEST + 0.75 * level / LEVELS)
        for level, path in enumerate(squares)
        if path
    ]
