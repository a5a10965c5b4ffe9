"""Filter patterns of CloudWatch Logs, by the examples of its documentation.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
"""

import pytest

from kennel.cloud.cloudwatch.log_patterns import read_pattern
from kennel.cloud.runtime.errors import ServiceError

ERRORS = [
    "[ERROR 400] BAD REQUEST",
    "[ERROR 401] UNAUTHORIZED REQUEST",
    "[ERROR 419] MISSING ARGUMENTS",
    "[ERROR 420] INVALID ARGUMENTS",
]


@pytest.mark.parametrize(
    ("pattern", "matched"),
    [
        ("", [0, 1, 2, 3]),
        ("ERROR", [0, 1, 2, 3]),
        ("error", []),
        ("ERROR ARGUMENTS", [2, 3]),
        ("?ARGUMENTS ?BAD", [0, 2, 3]),
        ("ERROR -ARGUMENTS", [0, 1]),
        ("REQUEST ?ARGUMENTS", [0, 1]),
        ('"BAD REQUEST"', [0]),
        ('-"BAD REQUEST"', [1, 2, 3]),
        (r"%ERROR 4[01]\d% REQUEST", [0, 1]),
    ],
)
def test_terms(pattern: str, matched: list[int]) -> None:
    matches = read_pattern(pattern)
    assert [number for number, message in enumerate(ERRORS) if matches(message)] == matched


EVENT = """{"eventType": "UpdateTrail", "sourceIPAddress": "111.111.111.111", "number": 5.0,
"arrayKey": ["value", "another value"], "objectList": [{"name": "a", "id": 1}, {"id": 2}],
"SomeObject": null, "ThisFlag": true, "what?": "a[b]?"}"""


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [
        ('{ $.eventType = "UpdateTrail" }', True),
        ("{ $.eventType = UpdateTrail }", True),
        ('{ $.eventType != "UpdateTrail" }', False),
        ("{ $.sourceIPAddress != 123.123.* }", True),
        ("{ $.sourceIPAddress = 111.111.* }", True),
        ('{ $.arrayKey[0] = "value" }', True),
        ('{ $.arrayKey[2] = "value" }', False),
        ("{ $.objectList[1].id = 2 }", True),
        ("{ $.number > 4 }", True),
        ("{ $.number <= 4e0 }", False),
        ("{ $.SomeObject IS NULL }", True),
        ("{ $.SomeOtherObject NOT EXISTS }", True),
        ("{ $.eventType NOT EXISTS }", False),
        ("{ $.ThisFlag IS TRUE }", True),
        ("{ $.ThisFlag IS FALSE }", False),
        ("{ $.eventType = %^Update% }", True),
        ("{ $.eventType = %^Trail% }", False),
        ('{ $.number = 5 && $.eventType = "Other" }', False),
        ('{ $.number = 5 && $.eventType = "Other" || $.ThisFlag IS TRUE }', True),
        ('{ $.absent != "x" }', False),
    ],
)
def test_members_of_json(pattern: str, matches: bool) -> None:
    assert read_pattern(pattern)(EVENT) is matches
    assert not read_pattern(pattern)("no JSON")


@pytest.mark.parametrize(
    ("pattern", "code"),
    [
        *((each, "InvalidParameterException") for each in ('"open', "{ $.x }", "{ $.x = 1", "%(%")),
        ("{ x = 1 }", "InvalidParameterException"),
        ('{ $.x > "text" }', "InvalidParameterException"),
        ("[ip, user]", "NotImplementedOffline"),
        ("{ ($.x = 1) || ($.y = 2) }", "NotImplementedOffline"),
    ],
)
def test_what_cannot_be_read_is_refused(pattern: str, code: str) -> None:
    with pytest.raises(ServiceError) as refused:
        read_pattern(pattern)
    assert refused.value.code == code
