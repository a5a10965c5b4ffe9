from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from guard.watch import Clients, Settings, guard
from tests.functions.account import Account
from tests.functions.release.test_rollout import live, register

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


class Watched:
    """CloudWatch with calls so many hours ago, SNS, and what the guard did to the endpoint."""

    def __init__(self, *hours_ago: float) -> None:
        self.hours_ago = hours_ago
        self.told: list[str] = []
        self.capacities: list[Any] = []

    def get_metric_statistics(self, **request: Any) -> dict[str, Any]:
        assert request["MetricName"] == "Invocations"
        points = [NOW - timedelta(hours=hours + 1) for hours in self.hours_ago]
        return {
            "Datapoints": [
                *({"Timestamp": at, "Sum": 3.0} for at in points if at >= request["StartTime"]),
                {"Timestamp": NOW - timedelta(hours=1), "Sum": 0.0},
            ]
        }

    def publish(self, **request: Any) -> dict[str, Any]:
        assert len(request["Subject"]) <= 100
        self.told.append(request["Message"])
        return {}


def account(instances: int = 3) -> Account:
    made = live(instances)
    register(made)
    return made


def run(made: Account, watched: Watched, action: str = "warn", hours: int = 24) -> dict[str, Any]:
    class SageMaker:
        def __getattr__(self, name: str) -> Any:
            return getattr(made.sagemaker, name)

        def update_endpoint_weights_and_capacities(self, **request: Any) -> Any:
            watched.capacities.append(request["DesiredWeightsAndCapacities"])
            return {}

    settings = Settings("kennel", hours, action, 1, "arn:aws:sns:us-east-1:123456789012:news")
    return guard(settings, Clients(SageMaker(), made.autoscaling, watched, watched), NOW)


@pytest.mark.parametrize("hours", [0, 5, 23.9])
def test_endpoint_in_use_is_left_alone(hours: float) -> None:
    watched = Watched(hours)
    assert run(account(), watched, "delete")["did"] == "nothing"
    assert watched.told == []


def test_idle_endpoint_is_warned_of_once() -> None:
    watched = Watched(24.5)
    assert run(account(), watched, "delete") == {"idle_hours": 24.5, "did": "warned"}
    assert "has called the endpoint kennel for 24 hours. After 48 it is deleted." in watched.told[0]
    assert run(account(), Watched(25.5), "delete")["did"] == "nothing"


def test_after_twice_the_hours_it_is_deleted_with_its_registration() -> None:
    made, watched = account(), Watched(48)
    assert run(made, watched, "delete")["did"] == "deleted"
    assert made.scaling.target is None
    assert made.asked("DeleteEndpoint") == ["DeleteEndpoint"]
    assert run(made, watched, "delete")["did"] == "nothing"  # it is Deleting
    assert len(watched.told) == 1


def test_after_twice_the_hours_it_is_scaled_in() -> None:
    watched = Watched(60)
    assert run(account(), watched, "scale-in")["did"] == "scaled in"
    assert watched.capacities == [[{"VariantName": "AllTraffic", "DesiredInstanceCount": 1}]]
    assert run(account(1), watched, "scale-in")["did"] == "nothing"  # it is at the minimum


def test_a_warning_is_all_where_nothing_else_is_asked_for() -> None:
    made = account()
    assert run(made, Watched(100), "warn")["did"] == "nothing"
    assert made.asked("DeleteEndpoint") == []


def test_fresh_endpoint_counts_as_called() -> None:
    made = account()
    assert made.endpoints.endpoint is not None
    made.endpoints.endpoint["LastModifiedTime"] = NOW - timedelta(hours=3)
    assert run(made, Watched(), "delete") == {"idle_hours": 3.0, "did": "nothing"}


def test_no_endpoint_and_one_at_work() -> None:
    assert run(Account(), Watched())["idle_hours"] is None
    made = account()
    assert made.endpoints.endpoint is not None
    made.endpoints.endpoint["EndpointStatus"] = "OutOfService"
    assert run(made, Watched(100), "delete")["did"] == "nothing"
