"""Check the parameters of a stack by the Rules section of its template.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/rules-section-structure.html
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any


def broken_rules(rules: Mapping[str, Any], is_true: Callable[[Any], bool]) -> Iterator[str]:
    """Yield a sentence for each assertion that does not hold: its AssertDescription.

    Parameters
    ----------
    rules
        The section, by the rules' names.
    is_true
        Evaluates a condition for the parameters' values.
    """
    for name, rule in rules.items():
        if "RuleCondition" in rule and not is_true(rule["RuleCondition"]):
            continue
        for assertion in rule["Assertions"]:
            if not is_true(assertion["Assert"]):
                yield str(assertion.get("AssertDescription") or f"the rule {name} does not hold")
