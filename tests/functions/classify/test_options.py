import re
from typing import Any

import pytest

from classify.options import PARAMETERS, Options, read_options
from common.problem import BadRequest


def event(**query: str) -> dict[str, Any]:
    return {"queryStringParameters": query, "multiValueQueryStringParameters": None}


@pytest.mark.parametrize(
    ("query", "options", "attributes"),
    [
        ({}, Options(), ""),
        ({"utm_source": "x", "Top": "3", "api_key": "k"}, Options(), ""),
        ({"top": "1"}, Options(1), "top=1"),
        ({"top": "118", "explain": "0"}, Options(118), "top=118"),
        ({"explain": "1"}, Options(None, True), "explain=1"),
        ({"explain": "1", "top": "9999"}, Options(9999, True), "top=9999,explain=1"),
    ],
)
def test_the_query_becomes_what_the_model_is_asked(
    query: dict[str, str], options: Options, attributes: str
) -> None:
    assert read_options(event(**query)) == options
    assert options.attributes == attributes


@pytest.mark.parametrize("nothing", [None, {}])
def test_a_request_without_a_query_asks_for_nothing(nothing: object) -> None:
    names = ("queryStringParameters", "multiValueQueryStringParameters")
    assert read_options(dict.fromkeys(names, nothing)) == read_options({}) == Options()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("top", each) for each in ("", "0", "-1", "+1", "01", "1.5", "1e2", " 1", "1\n", "five")),
        *(("top", each) for each in ("99999", "٣", "1,explain=1", "1\r\nx: y", "9" * 9_000)),
        *(("explain", each) for each in ("", "2", "true", "yes", "1\n", "11")),
    ],
)
def test_a_wrong_value_is_named_with_what_is_expected(name: str, value: str) -> None:
    with pytest.raises(BadRequest, match=f"^{name} is .*, expected ") as caught:
        read_options(event(**{name: value}))
    assert caught.value.reason == "query"
    assert len(caught.value.detail) < 150
    assert caught.value.detail.isprintable()


def test_a_repeated_parameter_is_ambiguous() -> None:
    with pytest.raises(BadRequest, match="top is given 2 times; give it once"):
        read_options({"multiValueQueryStringParameters": {"top": ["1", "2"]}})


def test_the_schemas_have_anchors() -> None:
    for parameter in PARAMETERS.values():
        assert re.fullmatch(r"\^.*\$", parameter["schema"]["pattern"])
