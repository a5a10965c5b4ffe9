"""The page of a replay shows what was measured beside what was predicted."""

from pathlib import Path

from kennel.planner.engines.simulation import simulate
from kennel.planner.inputs.settings import PlanSettings
from kennel.planner.inputs.traffic import constant
from kennel.planner.replay import report
from kennel.planner.replay.comparison import compare
from kennel.planner.replay.load_generator import Response


def test_the_page_holds_both_curves_and_a_row_for_each_quantile(tmp_path: Path) -> None:
    predicted = [simulate(PlanSettings(rate=4.0), constant(6, 120))]
    responses = [Response(0.1 * n, 503 if n % 9 == 0 else 200, 0.1) for n in range(720)]
    path = tmp_path / "replay.html"
    report.write(path, responses, predicted, compare(responses, predicted))
    page = path.read_text()
    assert "throttled, measured" in page
    assert "720 real requests" in page
    assert page.count("<tr>") == 7
