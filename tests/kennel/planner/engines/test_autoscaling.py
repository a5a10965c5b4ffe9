"""Scaling traces worked out by hand, minute by minute; each test is one."""

import math

from kennel.planner.engines.autoscaling import (
    AlarmEvaluation,
    Fleet,
    ScalingDecision,
    ScalingPolicy,
    decide,
)
from kennel.planner.inputs.distributions import constant
from kennel.planner.inputs.settings import PlanSettings

POLICY = ScalingPolicy(target=600, minimum=1, maximum=5, out_cooldown=30, in_cooldown=30)


def at(
    *points: float | None, capacity: int = 1, now: float = 10_000.0, **known: float
) -> ScalingDecision:
    updating = bool(known.pop("updating", 0))
    last_out, last_in = (known.pop(way, -math.inf) for way in ("last_out", "last_in"))
    assert not known
    return decide(POLICY, AlarmEvaluation(now, capacity, points, updating, last_out, last_in))


def fleet(**changes: object) -> Fleet:
    """One instance, target 600, a new instance answers after exactly 240 s."""
    settings = PlanSettings(target=600.0, minimum=1, maximum=5, start=constant(240.0))
    return Fleet(PlanSettings(**{**vars(settings), **changes}), seed=0)


def test_two_minutes_above_the_target_are_not_enough() -> None:
    assert at(500, 900, 900) == ScalingDecision(1)


def test_three_minutes_above_the_target_scale_out_to_metric_over_target() -> None:
    # 1 x 1500 / 600 = 2.5: three instances, at 500 each
    assert at(601, 900, 1500) == ScalingDecision(3, "out")


def test_exactly_on_target_is_not_above_it() -> None:
    assert at(600, 600, 600) == ScalingDecision(1)


def test_a_breach_by_a_hair_adds_one() -> None:
    # 4 x 601 / 600 = 4.007: five
    assert at(601, 601, 601, capacity=4) == ScalingDecision(5, "out")


def test_the_maximum_caps_the_answer() -> None:
    # 2 x 6000 / 600 = 20, of which 5 may be
    assert at(6000, 6000, 6000, capacity=2) == ScalingDecision(5, "out")


def test_at_the_maximum_there_is_nothing_to_do() -> None:
    assert at(900, 900, 900, capacity=5) == ScalingDecision(5, "maximum")


def test_a_missing_minute_breaks_the_three_in_a_row() -> None:
    assert at(900, None, 900) == ScalingDecision(1)
    assert at(900, 900, 900, None) == ScalingDecision(1)


def test_the_cooldown_counts_from_when_the_last_change_was_through() -> None:
    # through at 9,980 s: 20 s ago, so 10 s too early; 30 s later it may
    assert at(900, 900, 900, capacity=2, last_out=9_980.0) == ScalingDecision(2, "cooldown")
    assert at(900, 900, 900, capacity=2, last_out=9_970.0) == ScalingDecision(3, "out")


def test_within_the_cooldown_only_what_the_last_change_did_not_bring_yet() -> None:
    # From 1 instance (the default of `base`): 1 x 1300 / 600 = 2.2, three, of which 2 are there
    assert at(900, 900, 1300, capacity=2, last_out=9_980.0) == ScalingDecision(3, "out")


def test_an_endpoint_that_is_updating_takes_no_further_change() -> None:
    assert at(900, 900, 900, updating=True) == ScalingDecision(1, "updating")


def test_fourteen_quiet_minutes_do_not_scale_in_fifteen_do() -> None:
    quiet = [100.0] * 14
    assert at(*quiet, capacity=3) == ScalingDecision(3)
    # 3 x 100 / 600 = 0.5: one instance would do, and they go one at a time
    assert at(*quiet, 100, capacity=3) == ScalingDecision(2, "in")


def test_between_nine_tenths_of_the_target_and_the_target_nothing_moves() -> None:
    assert at(*[541.0] * 15, capacity=3) == ScalingDecision(3)
    # 539 is below 540 = 0.9 x 600, and 3 x 539 / 600 = 2.695 still needs three
    assert at(*[539.0] * 15, capacity=3) == ScalingDecision(3)
    # 3 x 399 / 600 = 1.995: two
    assert at(*[399.0] * 15, capacity=3) == ScalingDecision(2, "in")


def test_one_minute_above_nine_tenths_keeps_all_instances() -> None:
    assert at(*[100.0] * 7, 560, *[100.0] * 7, capacity=3) == ScalingDecision(3)


def test_the_minimum_is_the_floor_of_a_scale_in() -> None:
    policy = ScalingPolicy(target=600, minimum=2, maximum=5)
    assert decide(policy, AlarmEvaluation(10_000, 3, [10.0] * 15)) == ScalingDecision(2, "in")
    assert decide(policy, AlarmEvaluation(10_000, 2, [10.0] * 15)) == ScalingDecision(2)


def test_a_scale_in_waits_for_its_own_cooldown() -> None:
    assert at(*[100.0] * 15, capacity=3, last_in=9_985.0) == ScalingDecision(3, "cooldown")


def test_when_nobody_calls_there_is_no_datum_and_no_scale_in() -> None:
    # The gotcha: a silent endpoint keeps all its instances.
    silent = fleet(minimum=1)
    silent.in_service = silent.paid = 4
    for minute in range(1, 61):
        silent.observe(60.0 * minute, None)
    assert silent.instances_at(3600.0) == 4


def test_trace_out_the_instance_is_paid_from_minute_3_and_answers_from_minute_7() -> None:
    trace = fleet()
    reasons = [trace.observe(60.0 * minute, 1100.0).reason for minute in range(1, 8)]
    # minutes 1 and 2: too few points; 3: out (1 x 1100 / 600 -> 2); 4 to 6: under way;
    # at 420 s the new one is in service and its cooldown begins
    assert reasons == ["", "", "out", "updating", "updating", "updating", "cooldown"]
    assert (trace.paid, trace.in_service) == (2, 2)


def test_trace_the_cooldown_of_30_s_delays_by_no_minute_once_it_began_in_one() -> None:
    trace = fleet()
    for minute in range(1, 8):
        trace.observe(60.0 * minute, 1300.0)
    assert trace.instances_at(420.0) == 3  # 1 x 1300 / 600 = 2.2
    # minute 7 fell into the cooldown (420 to 450 s), minute 8 does not: 3 x 1300 / 600 = 6.5
    assert trace.observe(480.0, 1300.0) == ScalingDecision(5, "out")


def test_trace_in_the_instances_that_go_are_gone_at_once() -> None:
    trace = fleet()
    trace.in_service = trace.paid = 5
    reasons = [trace.observe(60.0 * minute, 240.0).reason for minute in range(1, 17)]
    # 15 points at minute 15: one of five goes; 60 s later the cooldown of 30 s is over: another
    assert reasons == [""] * 14 + ["in", "in"]
    assert trace.instances_at(960.0) == trace.paid == 3


def test_trace_the_ten_second_metric_scales_out_after_half_a_minute() -> None:
    trace = fleet(metric="concurrency", target=2.0)
    reasons = [trace.observe(10.0 * tick, 3.0).reason for tick in range(1, 4)]
    assert reasons == ["", "", "out"]  # 1 x 3 / 2 = 1.5: two
    assert trace.ready_at == 30.0 + 240.0


def test_trace_the_ten_second_metric_scales_in_after_a_quarter_of_an_hour() -> None:
    trace = fleet(metric="concurrency", target=2.0)
    trace.in_service = trace.paid = 2
    reasons = [trace.observe(10.0 * tick, 0.5).reason for tick in range(1, 91)]
    assert reasons == [""] * 89 + ["in"]


def test_a_change_under_way_is_settled_only_when_its_time_has_come() -> None:
    trace = fleet()
    for minute in (1, 2, 3):
        trace.observe(60.0 * minute, 900.0)
    assert [trace.instances_at(now) for now in (180.0, 419.0, 420.0)] == [1, 1, 2]
    assert trace.ready_at == math.inf
