from datetime import UTC, date, datetime

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


def test_usage_is_listed_by_day_with_what_is_left_of_the_period() -> None:
    clock = Clock(datetime(2026, 11, 2, 12, tzinfo=UTC).timestamp())
    quota = Quota(limit=4, period="MONTH", clock=clock)
    quota.take()
    clock.now += 2 * 86400
    assert [quota.take() for _ in range(4)] == [True, True, True, False]
    days = quota.usage(date(2026, 11, 1), date(2026, 11, 5))
    assert days == [[0, 4], [1, 3], [0, 3], [3, 0], [0, 0]]
    assert quota.usage(date(2026, 12, 1), date(2026, 12, 1)) == [[0, 4]]


def test_without_a_limit_every_request_is_counted() -> None:
    quota = Quota(limit=None, clock=Clock(0.0))
    assert quota.take()
    ((used, remaining),) = quota.usage(date(1970, 1, 1), date(1970, 1, 1))
    assert used == 1
    assert remaining > 10**6
