from datetime import UTC, datetime

from kennel.cloud.apigateway.throttle import Quota, TokenBucket


class Clock:
    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def test_a_burst_is_allowed_and_then_the_rate() -> None:
    clock = Clock(0.0)
    bucket = TokenBucket(rate=2, burst=3, clock=clock)
    assert [bucket.take() for _ in range(4)] == [True, True, True, False]
    clock.now = 0.5
    assert [bucket.take() for _ in range(2)] == [True, False]


def test_tokens_never_pile_up_beyond_the_burst() -> None:
    clock = Clock(0.0)
    bucket = TokenBucket(rate=2, burst=3, clock=clock)
    clock.now = 1e6
    assert sum(bucket.take() for _ in range(10)) == 3


def test_a_quota_counts_by_calendar_day() -> None:
    clock = Clock(datetime(2026, 11, 22, 23, 59, tzinfo=UTC).timestamp())
    quota = Quota(limit=2, period="DAY", clock=clock)
    assert [quota.take() for _ in range(3)] == [True, True, False]
    clock.now += 61
    assert quota.take()
