"""The estimate of the cost, without a cloud."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from kennel.planner.inputs.prices import Prices
from kennel.status.cost import estimate
from kennel.status.endpoint import Endpoint

PRICES = Prices(
    Path("prices.json"),
    {
        "date": "2026-11-22",
        "endpoint_hour": {"ml.c5.large": {"usd": 0.1, "vcpus": 2, "source": "a test"}},
    },
)
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def endpoint(instance_type: str, since: datetime | None) -> Endpoint:
    return Endpoint("kennel", "InService", instance_type, 2, since=since)


@pytest.mark.parametrize(
    ("since", "usd", "billed_since"),
    [
        (datetime(2026, 11, 20, 2, tzinfo=UTC), 2.0, datetime(2026, 11, 20, 2, tzinfo=UTC)),
        (datetime(2026, 3, 1, tzinfo=UTC), 93.6, datetime(2026, 11, 1, tzinfo=UTC)),
        (datetime(2026, 11, 20, 13, tzinfo=UTC), 0.0, datetime(2026, 11, 20, 13, tzinfo=UTC)),
    ],
)
def test_instances_cost_since_they_are_there_but_no_longer_than_the_month(
    since: datetime, usd: float, billed_since: datetime
) -> None:
    cost = estimate(endpoint("ml.c5.large", since), NOW, PRICES)
    assert cost.usd == pytest.approx(usd)
    assert cost.since == billed_since
    assert "2 x ml.c5.large" in cost.basis


def test_without_a_price_there_is_no_figure() -> None:
    for instance_type, words in (("ml.p9.huge", "no hour of 'ml.p9.huge'"), ("", "by the call")):
        cost = estimate(endpoint(instance_type, NOW), NOW, PRICES)
        assert cost.usd is None
        assert words in cost.basis


def test_without_an_endpoint_nothing_is_billed() -> None:
    assert estimate(Endpoint("kennel"), NOW, PRICES).usd == 0
