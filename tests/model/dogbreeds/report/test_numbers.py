import pytest

from dogbreeds.report.numbers import (
    MISSING,
    interval,
    number,
    percent,
    percent_tick,
    plural,
    points_tick,
    printable,
)


def test_shares_are_printed_as_percent() -> None:
    assert [percent(share) for share in (0.9456, 1.0, None, float("nan"))] == [
        "94.6\u00a0%",
        "100\u00a0%",
        MISSING,
        MISSING,
    ]
    assert percent(0.9456, 0) == "95\u00a0%"
    assert interval((0.921, 0.963)) == "92.1 to 96.3\u00a0%"
    assert [percent_tick(share) for share in (0.945, 0.9)] == ["94.5\u00a0%", "90\u00a0%"]
    assert [points_tick(share) for share in (0.05, -0.025, 0)] == ["+5 points", "-2.5 points", "0"]


@pytest.mark.parametrize(
    ("value", "printed"),
    [(1234, "1,234"), (3.0, "3"), (0.12345, "0.123"), (None, MISSING), (float("inf"), MISSING)],
)
def test_numbers_have_three_digits_or_are_whole(value: float | None, printed: str) -> None:
    assert number(value) == printed


def test_a_count_has_its_noun() -> None:
    assert [plural(count, "photo") for count in (0, 1, 2_000)] == [
        "0 photos",
        "1 photo",
        "2,000 photos",
    ]


@pytest.mark.parametrize(
    ("value", "printed"),
    [
        (None, ""),
        (1.0, "1"),
        (0.125, "0.12"),
        (3, 3),
        ("a\x00b\u200fc\udcff", "a\ufffdb\ufffdc\ufffd"),
    ],
)
def test_invisible_characters_and_long_decimals_are_not_printed(
    value: object, printed: object
) -> None:
    assert printable(value) == printed
