"""Numbers as people read them."""

import pytest

from kennel.planner.formats import duration, milliseconds, number, percent, usd


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0.0, "0 %"),
        (1.0, "100 %"),
        (0.9456, "94.56 %"),
        (0.99999, "99.9990 %"),
        (1 - 1e-9, "99.9999 %"),
        (5e-5, "0.0050 %"),
    ],
)
def test_a_share_is_never_rounded_to_all_or_nothing(share: float, text: str) -> None:
    assert percent(share) == text


def test_units_follow_the_size() -> None:
    assert [milliseconds(0.0761), milliseconds(1.2), milliseconds(float("nan"))] == [
        "76.1 ms", "1.2 s", "none",
    ]  # fmt: skip
    assert [duration(86_400), duration(5400), duration(30)] == ["1 day", "1.5 hours", "30 seconds"]
    assert [usd(1234.5), usd(None)] == ["1,234.50", "missing"]
    assert [number(each) for each in (1234567.0, 999.96, 0.0117912, 12.5)] == [
        "1,234,567", "1000", "0.01179", "12.5",
    ]  # fmt: skip
