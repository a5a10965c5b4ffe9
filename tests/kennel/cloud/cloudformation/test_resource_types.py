from kennel.cloud.cloudformation.resource_types import RESOURCE_TYPES
from kennel.paths import ROOT


def test_the_documentation_lists_every_type_and_what_becomes_of_it() -> None:
    text = (ROOT / "docs" / "offline-cloud.md").read_text()
    rows = [f"| `{name}` | {kind.runner} | {kind.here} |" for name, kind in RESOURCE_TYPES.items()]
    assert [row for row in rows if row not in text] == []
    assert text.count("| `AWS::") == len(rows)
