"""The Rules of a template: an assertion that does not hold refuses the stack."""

from pathlib import Path
from typing import Any

import pytest

from kennel.cloud.cloudformation.template import load
from kennel.errors import CannotStart
from kennel.paths import TEMPLATE

RULES: dict[str, Any] = {
    "!Contains [[small, large], !Ref Size]": ("large", "medium"),
    "!EachMemberEquals [!Ref Zones, a]": ("a,a", "a,b"),
    "!EachMemberIn [!Ref Zones, [a, b]]": ("b,a", "a,c"),
    "!Not [!Equals [!Ref Size, '']]": ("small", ""),
}


def template(tmp_path: Path, assertion: str, condition: str = "") -> Path:
    file = tmp_path / "template.yaml"
    file.write_text(
        "Parameters:\n"
        "  Size: {Type: String, Default: small}\n"
        "  Zones: {Type: CommaDelimitedList, Default: a}\n"
        "Rules:\n"
        f"  Fits:\n    Assertions: [{{Assert: {assertion}, AssertDescription: Give what fits.}}]\n"
        f"{condition}"
        "Resources: {Topic: {Type: AWS::SNS::Topic}}\n"
    )
    return file


@pytest.mark.parametrize("assertion", RULES)
def test_an_assertion_refuses_what_does_not_hold(tmp_path: Path, assertion: str) -> None:
    good, bad = RULES[assertion]
    name = "Zones" if "Zones" in assertion else "Size"
    file = template(tmp_path, assertion)
    assert load(file, {name: good}, "stack").resources
    with pytest.raises(CannotStart, match=r"Template error: Give what fits\."):
        load(file, {name: bad}, "stack")


def test_a_rule_whose_condition_is_false_asks_nothing(tmp_path: Path) -> None:
    only_small = "    RuleCondition: !Equals [!Ref Size, small]\n"
    file = template(tmp_path, "!Equals [!Ref Zones, none]", only_small)
    assert load(file, {"Size": "large"}, "stack").resources
    with pytest.raises(CannotStart, match="Give what fits"):
        load(file, {}, "stack")


def test_the_projects_own_rules_hold_offline() -> None:
    given = {"Hosting": "serverless", "OfficeHours": "MON-FRI 08:00-18:00"}
    with pytest.raises(CannotStart, match="OfficeHours are about instances"):
        load(TEMPLATE, given, "stack")
