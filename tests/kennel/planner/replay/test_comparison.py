"""A replay's responses compared with the predicted results."""

from pathlib import Path

import pytest

from kennel.errors import KennelError
from kennel.planner.engines.result import Result
from kennel.planner.engines.simulation import simulate
from kennel.planner.inputs.distributions import constant
from kennel.planner.inputs.settings import PlanSettings
from kennel.planner.inputs.traffic import constant as steady
from kennel.planner.replay.comparison import check_statuses, compare
from kennel.planner.replay.load_generator import Response

REQUESTS = 720


@pytest.fixture(scope="module")
def predicted() -> Result:
    settings = PlanSettings(
        reserved=2, rate=1000.0, burst=1000, quota=10**6, work=constant(0.3),
        service=constant(1e-6), cold_start=constant(0.0),
    )  # fmt: skip
    return simulate(settings, steady(6, 120))


def responses(refused: int, status: int, latency: float) -> list[Response]:
    statuses = [status if number < refused else 200 for number in range(REQUESTS)]
    return [Response(0.1 * number, each, latency) for number, each in enumerate(statuses)]


def test_a_replay_that_goes_as_predicted_is_within_tolerance(predicted: Result) -> None:
    refused = round(REQUESTS * predicted.throttled)
    comparison = compare(responses(refused, 503, predicted.quantile(0.95)), [predicted])
    assert comparison.throttled_ratio == pytest.approx(1, abs=0.01)
    assert comparison.p95_ratio == pytest.approx(1, abs=0.01)
    assert comparison.within_tolerance


def test_a_replay_that_throttles_a_fifth_more_is_not(predicted: Result) -> None:
    refused = round(REQUESTS * predicted.throttled * 1.2)
    comparison = compare(responses(refused, 429, predicted.quantile(0.95)), [predicted])
    assert not comparison.within_tolerance


def test_a_status_that_is_neither_an_answer_nor_a_throttle_names_the_logs(tmp_path: Path) -> None:
    strange = [Response(0.0, 200, 0.1), Response(0.1, 500, 0.1), Response(0.2, 0, 0.1)]
    with pytest.raises(KennelError, match=r"status \[0, 500\], expected 200, 429 or 503") as error:
        check_statuses(strange, tmp_path)
    assert f"see its logs in {tmp_path}, " in str(error.value)
    check_statuses([Response(0.0, status, 0.1) for status in (200, 429, 503)], tmp_path)
