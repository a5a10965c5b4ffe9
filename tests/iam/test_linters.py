"""What parliament says of the roles; cfn-lint and checkov are run by `make check` itself."""

import json
import subprocess

import pytest

from tests.iam.engines import VENV
from tests.iam.roles import read
from tests.stack import ROOT, TEMPLATE

#: What parliament says and is wrong about, with the reason.
SUPPRESSED = {
    # A listing takes a state machine or a map run; parliament's table has both down as needed.
    ("RemovalRole", "RESOURCE_MISMATCH", "states:ListExecutions"),
}


def test_parliament_has_nothing_to_say() -> None:
    python = VENV / "bin" / "python"
    if not python.exists():
        pytest.skip("parliament is not installed: `make lint` does it")
    roles = read(TEMPLATE)
    done = subprocess.run(
        [python, ROOT / "scripts" / "audit_policies.py"],
        input=json.dumps({name: roles.policy(name) for name in roles.properties}),
        capture_output=True,
        text=True,
        check=True,
    )
    found = {
        (each["policy"], each["issue"], row.get("action", row) if isinstance(row, dict) else row)
        for each in json.loads(done.stdout)
        for row in (each["detail"] if isinstance(each["detail"], list) else [each["detail"]])
    }
    assert found == SUPPRESSED
