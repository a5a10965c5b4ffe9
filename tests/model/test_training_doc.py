"""docs/training.md against the code that it describes."""

import re
from pathlib import Path

from dogbreeds.data.audit_rules import KINDS

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "training.md").read_text()


def test_the_table_of_findings_is_the_audit_s_own() -> None:
    section = PAGE[PAGE.index("## The audit") : PAGE.index("## In SageMaker")]
    rows = re.findall(r"^\| `([a-z-]+)` \| (.+?) \| (.+?) \|$", section, re.MULTILINE)
    assert rows == [
        (
            name,
            kind.what,
            f"stops; `--accept {name}`: {kind.accepting}" if kind.accepting else "a note",
        )
        for name, kind in KINDS.items()
    ]


def test_every_file_named_is_there() -> None:
    named = set(re.findall(r"\b((?:model|tests|docs)/[\w./]+\.\w+)", PAGE))
    assert len(named) >= 8
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []


def test_the_launch_command_names_only_settings_that_are_set() -> None:
    command = PAGE[PAGE.index("aws ec2 run-instances") :]
    settings = (ROOT / "model" / "ec2_settings.env").read_text()
    used = set(re.findall(r"\$([A-Z_]+)", command))
    assert used == {"INSTANCE_TYPE", "AMI_PARAMETER", "DISK_GB"}
    assert all(f"${{{name}:=" in settings for name in used)
