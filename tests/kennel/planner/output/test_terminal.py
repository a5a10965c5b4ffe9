"""What a terminal of 80 columns shows."""

import io

from rich.console import Console

from kennel.planner.analysis import alternatives, sweep
from kennel.planner.analysis.plan import Plan
from kennel.planner.engines.analytic import estimate
from kennel.planner.inputs import prices
from kennel.planner.inputs.settings import PlanSettings
from kennel.planner.inputs.traffic import constant
from kennel.planner.output import terminal


def test_a_plan_begins_with_its_price_and_share_and_no_cell_is_cut() -> None:
    result = estimate(PlanSettings(), constant(1, 3600))
    trial = sweep.Trial(PlanSettings(), {"MinInstances": "2"}, 75.0, 0.2, 0.5, 0.25)
    options = alternatives.compare(result, prices.read())
    output = io.StringIO()
    plan = Plan(result, prices.read(), trials=[trial], options=options)
    terminal.show(Console(file=output, width=80), plan)
    text = output.getvalue()
    assert text.startswith("A month of this traffic costs $")
    assert "… " not in text
    assert max(map(len, text.splitlines())) <= 80
    assert "MinInstances=2" in text
    assert "Kennel deploys instances or, with Hosting=serverless, a" in " ".join(text.split())
    assert "Provisioned concurrency for all 5 executions, which Kennel does not deploy" in (
        " ".join(text.split())
    )
