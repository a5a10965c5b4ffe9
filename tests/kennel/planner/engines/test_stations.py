"""The simulated stations, one request after the other."""

from kennel.planner.engines.result import LIMITED, OVER_QUOTA
from kennel.planner.engines.stations import InstanceQueue, LambdaEnvironments, SimulatedUsagePlan
from kennel.planner.inputs.settings import PlanSettings
from kennel.planner.inputs.traffic import DAY


def test_a_token_bucket_admits_its_burst_and_then_its_rate() -> None:
    plan = SimulatedUsagePlan(PlanSettings(rate=2.0, burst=3), start=0.0)
    assert [plan.refusal(0.0) for _ in range(4)] == [None, None, None, LIMITED]
    assert [plan.refusal(0.5), plan.refusal(0.5)] == [None, LIMITED]


def test_the_quota_is_renewed_at_midnight_utc() -> None:
    plan = SimulatedUsagePlan(PlanSettings(rate=10.0, burst=5, quota=1), start=DAY - 10.0)
    assert [plan.refusal(0.0), plan.refusal(9.0), plan.refusal(10.0)] == [None, OVER_QUOTA, None]


def test_a_request_beyond_the_quota_takes_a_token_too() -> None:
    plan = SimulatedUsagePlan(PlanSettings(rate=1.0, burst=2, quota=1), start=0.0)
    assert [plan.refusal(0.0) for _ in range(3)] == [None, OVER_QUOTA, LIMITED]


def test_an_idle_environment_is_warm_until_its_time_is_over() -> None:
    environments = LambdaEnvironments(PlanSettings(keep_warm=60.0))
    colds = []
    for now in (0.0, 50.0, 200.0):
        environments.busy += 1
        colds.append(environments.start(now))
        environments.release(now + 1)
    assert colds == [True, False, True]
    assert environments.busy == 0


def test_a_queue_serves_in_order_and_refuses_beyond_its_capacity() -> None:
    queue = InstanceQueue(workers=1, capacity=2)
    assert queue.accept(0.0, 1.0) == (0.0, 1.0)
    assert queue.accept(0.5, 1.0) == (1.0, 2.0)
    assert queue.accept(0.9, 1.0) is None
    assert queue.accept(1.0, 1.0) == (2.0, 3.0)
