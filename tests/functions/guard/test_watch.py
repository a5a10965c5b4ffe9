from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

import pytest

from guard.watch import Clients, GuardSettings, guard
from tests.functions.aws_account import Account
from tests.functions.release.test_rollout import live, register

if TYPE_CHECKING:
    from types_boto3_cloudwatch.client import CloudWatchClient
    from types_boto3_sagemaker.client import SageMakerClient
    from types_boto3_sns.client import SNSClient

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


class FakeClient:
    """A client of CloudWatch and SNS, with the hours since each request to the endpoint."""

    def __init__(self, *hours_ago: float) -> None:
        self.hours_ago = hours_ago
        self.messages: list[str] = []
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
        self.messages.append(request["Message"])
        return {}


def live_account(instances: int = 3) -> Account:
    account = live(instances)
    register(account)
    return account


def run(
    account: Account, fake: FakeClient, action: str = "warn", hours: int = 24
) -> dict[str, Any]:
    class SageMaker:
        def __getattr__(self, name: str) -> Any:
            return getattr(account.sagemaker, name)

        def update_endpoint_weights_and_capacities(self, **request: Any) -> Any:
            fake.capacities.append(request["DesiredWeightsAndCapacities"])
            return {}

    settings = GuardSettings("kennel", hours, action, 1, "arn:aws:sns:us-east-1:123456789012:news")
    clients = Clients(
        cast("SageMakerClient", SageMaker()),
        account.autoscaling,
        cast("CloudWatchClient", fake),
        cast("SNSClient", fake),
    )
    return guard(settings, clients, NOW)


@pytest.mark.parametrize("hours", [0, 5, 23.9])
def test_endpoint_in_use_is_not_changed(hours: float) -> None:
    fake = FakeClient(hours)
    assert run(live_account(), fake, "delete")["action"] == "nothing"
    assert fake.messages == []


def test_guard_warns_once_of_an_idle_endpoint() -> None:
    fake = FakeClient(24.5)
    assert run(live_account(), fake, "delete") == {"idle_hours": 24.5, "action": "warned"}
    assert (
        "has called the endpoint kennel for 24 hours. After 48 it is deleted." in fake.messages[0]
    )
    assert run(live_account(), FakeClient(25.5), "delete")["action"] == "nothing"


def test_after_twice_the_hours_it_is_deleted_with_its_registration() -> None:
    account, fake = live_account(), FakeClient(48)
    assert run(account, fake, "delete")["action"] == "deleted"
    assert account.scaling.target is None
    assert account.called("DeleteEndpoint") == ["DeleteEndpoint"]
    assert run(account, fake, "delete")["action"] == "nothing"  # it is Deleting
    assert len(fake.messages) == 1


def test_after_twice_the_hours_it_is_scaled_in() -> None:
    fake = FakeClient(60)
    assert run(live_account(), fake, "scale-in")["action"] == "scaled in"
    assert fake.capacities == [[{"VariantName": "AllTraffic", "DesiredInstanceCount": 1}]]
    assert run(live_account(1), fake, "scale-in")["action"] == "nothing"  # it is at the minimum


def test_with_the_action_warn_nothing_is_changed() -> None:
    account = live_account()
    assert run(account, FakeClient(100), "warn")["action"] == "nothing"
    assert account.called("DeleteEndpoint") == []


def test_change_of_the_endpoint_counts_as_use() -> None:
    account = live_account()
    assert account.endpoints.endpoint is not None
    account.endpoints.endpoint["LastModifiedTime"] = NOW - timedelta(hours=3)
    assert run(account, FakeClient(), "delete") == {"idle_hours": 3.0, "action": "nothing"}


def test_missing_endpoint_and_endpoint_out_of_service() -> None:
    assert run(Account(), FakeClient())["idle_hours"] is None
    account = live_account()
    assert account.endpoints.endpoint is not None
    account.endpoints.endpoint["EndpointStatus"] = "OutOfService"
    assert run(account, FakeClient(100), "delete")["action"] == "nothing"
