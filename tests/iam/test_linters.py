"""Lint the roles with parliament; `make check` runs cfn-lint and checkov."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.iam.engines import VENV
from tests.iam.roles import read
from tests.stack import ROOT, TEMPLATE, WORKBENCH

#: False positives of parliament, with the reason.
SUPPRESSED = {
    # A listing needs a state machine or a map run; parliament requires both.
    ("RemovalRole", "RESOURCE_MISMATCH", "states:ListExecutions"),
}


@pytest.mark.parametrize(
    ("template", "expected"),
    [(TEMPLATE, SUPPRESSED), (WORKBENCH, set())],
    ids=["kennel", "workbench"],
)
def test_parliament_finds_nothing(template: Path, expected: set[tuple[str, str, str]]) -> None:
    python = VENV / "bin" / "python"
    if not python.exists():
        pytest.skip("parliament is not installed: `make lint` does it")
    roles = read(template)
    done = subprocess.run(
        [python, ROOT / "scripts" / "audit_policies.py"],
        input=json.dumps({name: roles.policy(name) for name in roles.properties}),
        capture_output=True,
        text=True,
        check=True,
    )
    findings = {
        (each["policy"], each["issue"], row.get("action", row) if isinstance(row, dict) else row)
        for each in json.loads(done.stdout)
        for row in (each["detail"] if isinstance(each["detail"], list) else [each["detail"]])
    }
    assert findings == expected
