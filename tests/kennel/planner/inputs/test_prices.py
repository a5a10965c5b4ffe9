"""Price files: what they hold, and what they lack."""

from kennel.planner.inputs import prices


def test_every_price_has_a_source_and_the_file_a_date() -> None:
    price_list = prices.read().entries
    entries = [*price_list["endpoint_hour"].values()]
    entries += [e for e in price_list.values() if isinstance(e, dict) and "usd" in e]
    assert len(entries) >= 9
    assert all(entry["source"] for entry in entries)
    assert prices.read().date == "2026-11-22"
