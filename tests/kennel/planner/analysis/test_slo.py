"""Service level objectives as they are written."""

import pytest

from kennel.planner.analysis import slo
from kennel.planner.errors import PlanError


@pytest.mark.parametrize("text", ["", "p98=1s", "success=101%", "p99=1", "p99=1s,p95=1s"])
def test_what_is_no_objective(text: str) -> None:
    with pytest.raises(PlanError, match=r"write p99=1s,success=99\.9%"):
        slo.parse(text)
