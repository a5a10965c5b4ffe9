"""docs/runbook.md has a section for each alarm of the template, with commands that run."""

import os
import re
import subprocess
from itertools import pairwise

import pytest

from kennel.cloud.cloud import Cloud
from kennel.cloud.iam.identity import OPERATOR_KEY
from kennel.paths import ROOT
from tests.kennel.cloud.cloudwatch.test_alarms_in_cloud import CAUSES
from tests.stack import of_type, transformed

TEXT = (ROOT / "docs" / "runbook.md").read_text()
TOOLS = ROOT / ".venv-tools" / "bin"
ALARMS = of_type(transformed(), "AWS::CloudWatch::Alarm")
_STARTS = [(each[1], each.start()) for each in re.finditer(r"^## (.+)$", TEXT, re.MULTILINE)]
SECTIONS = {
    heading: TEXT[start:end] for (heading, start), (_, end) in pairwise([*_STARTS, ("", len(TEXT))])
}


def code(text: str) -> str:
    return "\n".join(re.findall(r"```sh\n(.*?)```", text, re.DOTALL))


def test_each_alarm_has_a_section_and_no_other() -> None:
    assert SECTIONS.keys() == ALARMS.keys()


@pytest.mark.parametrize("alarm", ALARMS)
def test_a_section_has_a_command_and_an_action(alarm: str) -> None:
    section = SECTIONS[alarm]
    assert code(section)
    assert "\nFirst look: " in section
    assert "\nFirst action: " in section
    assert ALARMS[alarm]["AlarmDescription"].endswith(f" See {alarm} in docs/runbook.md.")


@pytest.mark.slow
@pytest.mark.rivals
@pytest.mark.parametrize("alarm", SECTIONS)
def test_the_commands_of_a_section_run(cloud: Cloud, alarm: str) -> None:
    """Those about an execution that has ended badly find one; others may find nothing."""
    if not TOOLS.is_dir():
        pytest.skip("AWS's command line is not installed: `make tools`")
    if alarm in {"ExecutionsFailedAlarm", "ExecutionsTimedOutAlarm", "CleanUpFailedAlarm"}:
        CAUSES[alarm](cloud)
    environment = {
        "PATH": f"{TOOLS}:{os.environ['PATH']}",
        "AWS_ENDPOINT_URL": cloud.url,
        "AWS_ACCESS_KEY_ID": OPERATOR_KEY,
        "AWS_SECRET_ACCESS_KEY": "offline",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    script = f"{code(TEXT[: _STARTS[0][1]])}\n{code(SECTIONS[alarm])}"
    done = subprocess.run(
        ["bash", "-c", script], env=environment, capture_output=True, text=True, check=False
    )
    if alarm == "CleanUpMissedAlarm":  # AWS CLI 1 takes SQS's address from no variable
        assert "https://queue.amazonaws.com" in done.stderr or not done.stderr
        return
    refusals = re.findall(r"An error occurred|validation failed|Could not connect", done.stderr)
    assert not refusals, done.stderr
