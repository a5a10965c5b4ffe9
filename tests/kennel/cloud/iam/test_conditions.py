"""IAM's condition operators, case by case from their documentation page."""

import pytest

from kennel.cloud.iam.conditions import Condition
from kennel.errors import CannotStart

KEY = "aws:TagKeys"


@pytest.mark.parametrize(
    ("operator", "wanted", "values", "holds"),
    [
        ("StringEquals", ["a", "b"], ["b"], True),
        ("StringEquals", "a", ["A"], False),
        ("StringEquals", "a", [], False),
        ("StringEquals", "A", ["A"], True),
        ("StringEquals", "A", ["a"], False),
        ("StringEquals", True, ["true"], True),
        ("StringEquals", "a", ["a", "b"], False),
        ("StringEqualsIfExists", "a", [], True),
        ("StringEqualsIgnoreCase", "a", ["A"], True),
        ("StringNotEquals", ["a", "b"], ["c"], True),
        ("StringNotEquals", ["a", "b"], ["b"], False),
        ("StringNotEquals", "a", [], True),  # an absent key is not equal to anything
        ("StringLike", "ml.*", ["ml.c5.large"], True),
        ("StringLike", "ml.?5*", ["ml.c5.large"], True),
        ("StringLike", "a*b", ["a\nb"], True),
        ("StringNotLike", "ml.*", ["ml.c5.large"], False),
        ("ArnLike", "arn:aws:s3:::b/*", ["arn:aws:s3:::b/k/l"], True),
        ("ArnNotEquals", "arn:aws:s3:::b", ["arn:aws:s3:::b"], False),
        ("Bool", False, ["false"], True),
        ("Bool", "true", ["false"], False),
        ("NumericLessThanEquals", 100, ["100"], True),
        ("NumericLessThanEquals", 100, ["101"], False),
        ("NumericLessThan", 100, ["99"], True),
        ("NumericLessThan", 100, ["100"], False),
        ("NumericGreaterThan", 100, ["100"], False),
        ("NumericGreaterThan", 100, ["101"], True),
        ("NumericGreaterThanEquals", 100, ["100"], True),
        ("NumericGreaterThanEquals", 100, ["99"], False),
        ("NumericEquals", 100, ["1e2"], True),
        ("NumericNotEquals", "5", ["5.0"], False),
        ("NumericEquals", 5, ["five"], False),
        ("NumericLessThan", "five", ["5"], False),
        ("Null", "true", [], True),
        ("Null", True, ["x"], False),
        ("Null", "false", ["x"], True),
        ("ForAnyValue:StringEquals", "a", ["b", "a"], True),
        ("ForAnyValue:StringEquals", "a", [], False),
        ("ForAnyValue:StringNotEquals", "a", [], False),
        ("ForAllValues:StringEquals", ["a", "b"], ["b", "a"], True),
        ("ForAllValues:StringEquals", ["a", "b"], ["b", "c"], False),
        ("ForAllValues:StringEquals", "a", [], True),
    ],
)
def test_a_condition_holds_by_its_operator(
    operator: str, wanted: object, values: list[str], holds: bool
) -> None:
    condition = Condition.read("role", operator, KEY, wanted)
    assert condition.holds({KEY.lower(): values} if values else {}) is holds


@pytest.mark.parametrize(
    "operator",
    [
        *("IpAddress", "DateLessThan", "Like", "ForSome:StringEquals"),
        "ForAnyValue:ForAllValues:StringEquals",
    ],
)
def test_an_operator_that_is_not_evaluated_stops_the_start(operator: str) -> None:
    with pytest.raises(CannotStart, match=f"condition {operator}, unknown offline"):
        Condition.read("role", operator, KEY, "x")
