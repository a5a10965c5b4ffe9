import numpy as np

from dogbreeds.report.matrix import OWN_CELLS, drawing, order


def test_confused_breeds_stand_side_by_side() -> None:
    confusion = np.diag([9] * 20)
    confusion[2, 17], confusion[17, 2], confusion[2, 9] = 5, 4, 3
    ordered = order(confusion.tolist())
    assert sorted(ordered) == list(range(20))
    assert abs(ordered.index(2) - ordered.index(17)) == 1
    assert abs(ordered.index(2) - ordered.index(9)) == 1


def test_a_cell_has_its_share_of_the_row() -> None:
    plot = drawing([[7, 1], [0, 0]], ["Beagle", "Pug"])
    assert [(cell.kind, cell.title, cell.strong) for cell in plot.cells] == [
        ("right", "Beagle: 7 of 8 right", True),
        ("wrong", "Beagle taken for Pug: 1 of 8", False),
    ]
    assert plot.cells[1].x == plot.cells[0].x + plot.side
    assert plot.cells[1].y == plot.cells[0].y


def test_the_rarest_of_many_mistakes_share_a_few_paths() -> None:
    breeds = [f"Breed {number}" for number in range(60)]
    plot = drawing(np.ones((60, 60), int).tolist(), breeds)
    assert len(plot.cells) == 60 + OWN_CELLS
    squares = sum(path.d.count("M") for path in plot.paths)
    assert squares == 60 * 59 - OWN_CELLS
    assert len(plot.paths) == 1
